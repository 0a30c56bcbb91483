"""Images and their labels: data sets by name, path or table, samplers, transforms, loaders and occlusion."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.data.augmentation.transforms import TestTransform, TrainTransform
    from passerby.data.augmentation.view_parameters import View
    from passerby.data.augmentation.views import ViewsTransform
    from passerby.data.benchmarks import BENCHMARKS, load_benchmark, register_benchmark
    from passerby.data.benchmarks.public_benchmark import Counts, Images, Parts, PublicBenchmark, PublishedCounts
    from passerby.data.cache.pixel_cache import PixelCache
    from passerby.data.camera_labels import CameraLabels, camera_local
    from passerby.data.checks.findings import Finding, Inspection
    from passerby.data.checks.inspection import inspect_data
    from passerby.data.concatenation import concatenate
    from passerby.data.formats.mot import MotBoxes, MotTruth, read_mot_result, read_mot_truth, write_mot_result
    from passerby.data.formats.open_data import list_images, load_folder, load_table, open_data
    from passerby.data.formats.schema import SCHEMA, TABLE_SUFFIXES
    from passerby.data.formats.table_file import read_table
    from passerby.data.loading.identity_groups import identity_groups
    from passerby.data.loading.loaders import Batch, EvalLoader, TrainLoader
    from passerby.data.loading.pixel_sources import PerImageSource, PixelSource, open_source
    from passerby.data.loading.sampling import continued_class_batches, identity_balanced_batches, shuffled_batches
    from passerby.data.loading.view_loader import ViewBatch, ViewLoader
    from passerby.data.occlusion.manifest import reproduce
    from passerby.data.occlusion.occlude import Occluded, Occlusion, occlude
    from passerby.data.occlusion.source import Donors, OccludedSource, OcclusionRun
    from passerby.data.pixels.decoding import read_image
    from passerby.data.split import JUNK, PARTS, Benchmark, LabelScope, Split, split_from_names
    from passerby.data.validation import validation_split

__all__ = [
    "BENCHMARKS",
    "JUNK",
    "PARTS",
    "SCHEMA",
    "TABLE_SUFFIXES",
    "Batch",
    "Benchmark",
    "CameraLabels",
    "Counts",
    "Donors",
    "EvalLoader",
    "Finding",
    "Images",
    "Inspection",
    "LabelScope",
    "MotBoxes",
    "MotTruth",
    "Occluded",
    "OccludedSource",
    "Occlusion",
    "OcclusionRun",
    "Parts",
    "PerImageSource",
    "PixelCache",
    "PixelSource",
    "PublicBenchmark",
    "PublishedCounts",
    "Split",
    "TestTransform",
    "TrainLoader",
    "TrainTransform",
    "View",
    "ViewBatch",
    "ViewLoader",
    "ViewsTransform",
    "camera_local",
    "concatenate",
    "continued_class_batches",
    "identity_balanced_batches",
    "identity_groups",
    "inspect_data",
    "list_images",
    "load_benchmark",
    "load_folder",
    "load_table",
    "occlude",
    "open_data",
    "open_source",
    "read_image",
    "read_mot_result",
    "read_mot_truth",
    "read_table",
    "register_benchmark",
    "reproduce",
    "shuffled_batches",
    "split_from_names",
    "validation_split",
    "write_mot_result",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "augmentation.transforms": ["TestTransform", "TrainTransform"],
        "augmentation.view_parameters": ["View"],
        "augmentation.views": ["ViewsTransform"],
        "benchmarks": ["BENCHMARKS", "load_benchmark", "register_benchmark"],
        "benchmarks.public_benchmark": ["Counts", "Images", "Parts", "PublicBenchmark", "PublishedCounts"],
        "cache.pixel_cache": ["PixelCache"],
        "camera_labels": ["CameraLabels", "camera_local"],
        "checks.findings": ["Finding", "Inspection"],
        "checks.inspection": ["inspect_data"],
        "concatenation": ["concatenate"],
        "formats.mot": ["MotBoxes", "MotTruth", "read_mot_result", "read_mot_truth", "write_mot_result"],
        "formats.open_data": ["list_images", "load_folder", "load_table", "open_data"],
        "formats.schema": ["SCHEMA", "TABLE_SUFFIXES"],
        "formats.table_file": ["read_table"],
        "loading.identity_groups": ["identity_groups"],
        "loading.loaders": ["Batch", "EvalLoader", "TrainLoader"],
        "loading.pixel_sources": ["PerImageSource", "PixelSource", "open_source"],
        "loading.sampling": ["continued_class_batches", "identity_balanced_batches", "shuffled_batches"],
        "loading.view_loader": ["ViewBatch", "ViewLoader"],
        "occlusion.manifest": ["reproduce"],
        "occlusion.occlude": ["Occluded", "Occlusion", "occlude"],
        "occlusion.source": ["Donors", "OccludedSource", "OcclusionRun"],
        "pixels.decoding": ["read_image"],
        "split": ["JUNK", "PARTS", "Benchmark", "LabelScope", "Split", "split_from_names"],
        "validation": ["validation_split"],
    },
)
