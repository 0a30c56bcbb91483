"""Samplers and loaders: rows of batches, and their pixels on the device."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.data.loading.identity_groups import Remainder
    from passerby.data.loading.loaders import Batch, EvalLoader, Sampler, TrainLoader
    from passerby.data.loading.pixel_sources import PerImageSource, PixelSource, open_readable, open_source
    from passerby.data.loading.prefetching import Prefetcher
    from passerby.data.loading.sampling import continued_class_batches, identity_balanced_batches, shuffled_batches
    from passerby.data.loading.view_loader import ViewBatch, ViewLoader

__all__ = [
    "Batch",
    "EvalLoader",
    "PerImageSource",
    "PixelSource",
    "Prefetcher",
    "Remainder",
    "Sampler",
    "TrainLoader",
    "ViewBatch",
    "ViewLoader",
    "continued_class_batches",
    "identity_balanced_batches",
    "open_readable",
    "open_source",
    "shuffled_batches",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "identity_groups": ["Remainder"],
        "loaders": ["Batch", "EvalLoader", "Sampler", "TrainLoader"],
        "pixel_sources": ["PerImageSource", "PixelSource", "open_readable", "open_source"],
        "prefetching": ["Prefetcher"],
        "sampling": ["continued_class_batches", "identity_balanced_batches", "shuffled_batches"],
        "view_loader": ["ViewBatch", "ViewLoader"],
    },
)
