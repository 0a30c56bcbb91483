"""A model in the runtime and precision in which many images are embedded: as named, or the fastest that is proven."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from passerby.data.pixels.decoding import read_image
from passerby.data.split import Split
from passerby.errors import CheckpointError, DataError
from passerby.inference.choice import SAMPLE, SMALLEST_COSINE, choice_key, choose, keep_choice, kept_choice, other_ways
from passerby.inference.computing import BATCH_ON_CPU, Computing, ModelPrecision
from passerby.inference.embedder import Embedder
from passerby.inference.file_embedder import FileEmbedder
from passerby.inference.loading import ModelRuntime
from passerby.models.bundled import bundled_model_file, resolve_path
from passerby.models.zoo.card_files import MODEL_SUFFIXES
from passerby.progress import log_line
from passerby.workflows.computing.files import cached_file, can_export, export_to_cache, own_file

LEAST_IMAGES = 512
"""Fewer are embedded before it is known what would be faster."""

_LONG = 120.0  # CPU seconds for all images from which on a network in torch is worth exporting, which takes 10 to 30

Load = Callable[..., Embedder]
"""`passerby.load` of one model, called with `runtime` and `precision`."""


@dataclass(frozen=True)
class ImagesAhead:
    """The images that a model is going to embed.

    Attributes:
        count: how many there are.
        some: gives the files of at most so many of them.
        own_cameras: whether a camera embedding would take each image's own camera, which only torch does.
    """

    count: int
    some: Callable[[int], Sequence[Path]]
    own_cameras: bool = False

    @classmethod
    def of(cls, *splits: Split, own_cameras: bool = False) -> "ImagesAhead":
        """The images of some splits; the sample is from the largest, evenly spaced."""
        largest = max(splits, key=len)

        def some(count: int) -> list[Path]:
            places = np.linspace(0, len(largest) - 1, min(count, len(largest))).astype(np.int64)
            return [largest.path(row) for row in np.unique(places).tolist()]

        return cls(sum(map(len, splits)), some, own_cameras)


def open_computing(
    load: Load,
    source: object,
    images: ImagesAhead,
    *,
    runtime: ModelRuntime = "auto",
    precision: ModelPrecision = "auto",
    show: bool = True,
) -> Embedder:
    """A model, opened in the runtime and precision that are going to embed these images.

    With `auto` and 512 images or more, runtimes and precisions are compared on 32 of them: the fastest is taken whose
    features have a cosine of at least 0.9999 to the model's in float32. It is told in one line and kept in the cache,
    so that the same command computes the same again. On a GPU nothing is compared.

    Args:
        load: opens the model.
        source: of the model, as the user gave it; what is no name or path is used as it is.
        images: to be embedded.
        runtime: torch, onnx, openvino, or auto. A network in torch is exported into the cache for the others.
        precision: fp32: the reference, nothing is measured; bf16; int8, of files exported so; or auto.
        show: whether to tell the choice on stderr.

    Raises:
        CheckpointError: the model cannot be loaded, or is not what precision or runtime need.
        DeviceError: the processor, or a package that is needed, is missing.
        DataError: an image is needed for the comparison, and none can be read.
    """
    model = open_reference(load, source, runtime, precision)
    if precision == "int8" or not isinstance(source, str | os.PathLike):
        return model
    name, to_export = os.fspath(source), _is_exported(source, runtime)
    if model.computing.precision == "int8" or (_elsewhere(model) and not to_export):
        return model if precision == "auto" else load(runtime=runtime, precision=precision)
    named = to_export or precision == "bf16"
    if not named and (precision == "fp32" or images.count < LEAST_IMAGES):
        return model
    return _compared(_Wanted(model, name, images, runtime, precision, to_export=to_export, show=show), load)


def open_reference(load: Load, source: object, runtime: ModelRuntime, precision: ModelPrecision) -> Embedder:
    """The model as `open_computing` begins with it: in float32, or int8 where that is asked for or the file is int8."""
    if precision == "int8" or not isinstance(source, str | os.PathLike):
        return load(runtime=runtime, precision=precision)
    runtime = "auto" if _is_exported(source, runtime) else runtime
    return load(runtime=runtime, precision="fp32" if precision == "fp32" else "auto")


@dataclass(frozen=True)
class _Wanted:
    """What is to be chosen, and among what."""

    model: Embedder
    name: str
    images: ImagesAhead
    runtime: ModelRuntime
    precision: ModelPrecision
    to_export: bool
    show: bool


def _compared(wanted: _Wanted, load: Load) -> Embedder:
    """The kept choice, or a new one."""
    model = wanted.model
    pictures: list[Image.Image] = []
    file = own_file(model, wanted.name)
    own_cameras = wanted.images.own_cameras and bool(model.description.get("camera_count"))
    if wanted.to_export and own_cameras:
        raise CheckpointError(
            f"{wanted.name}: embeds each image with its own camera, which an exported file does not: leave out runtime"
        )
    if file is None and not own_cameras:
        pictures = _pictures(wanted.images, SAMPLE)
        file = _exported(wanted, pictures)
    ways = other_ways(model, file, runtime=wanted.runtime, precision=wanted.precision)
    if not ways:
        if wanted.precision == "bf16":
            return load(runtime=wanted.runtime, precision="bf16")  # which tells what is missing
        return model
    key = choice_key(model, runtime=wanted.runtime, precision=wanted.precision, with_file=file is not None)
    kept = kept_choice(key)
    known: dict[str, Callable[[], Embedder]] = {str(way.computing): way.open for way in ways}
    known[str(model.computing)] = lambda: model
    if kept is not None and str(kept) in known:
        chosen = known[str(kept)]()
        chosen.computing = replace(chosen.computing, proof=kept.proof)
        log_line(chosen.computing.told(), show=wanted.show)
        return chosen
    pictures = pictures or _pictures(wanted.images, SAMPLE)
    chosen = choose(model, ways, pictures, stay=not wanted.to_export, by_name=wanted.precision == "bf16")
    log_line(f"{chosen.computing.told()}; {keep_choice(key, chosen.computing)}", show=wanted.show)
    _warn_of_differences(chosen.computing, show=wanted.show)
    return chosen


def _exported(wanted: _Wanted, pictures: Sequence[Image.Image]) -> Path | None:
    """The network in torch as a file in the cache: where that is asked for, was done, or is worth while."""
    if wanted.runtime == "torch":
        return None
    if wanted.to_export:
        return export_to_cache(wanted.model, show=wanted.show)
    if not can_export():
        return None
    if cached_file(wanted.model).is_file():
        return cached_file(wanted.model)
    if _seconds_of_one(wanted.model, pictures) * wanted.images.count < _LONG:
        return None
    try:
        return export_to_cache(wanted.model, show=wanted.show)
    except (CheckpointError, OSError) as error:  # OSError: the cache cannot be written
        log_line(f"{error}; it stays in torch", show=wanted.show)
        return None


def _seconds_of_one(model: Embedder, pictures: Sequence[Image.Image]) -> float:
    """CPU seconds of one image."""
    some = pictures[: BATCH_ON_CPU // 2]
    model.embed(some[:1])
    begun = time.process_time()
    model.embed(some)
    return (time.process_time() - begun) / len(some)


def _pictures(images: ImagesAhead, count: int) -> list[Image.Image]:
    """Some of the images, without those that cannot be read.

    Raises:
        DataError: none can be read.
    """
    found: list[Image.Image] = []
    complaint: DataError | None = None
    for path in images.some(count):
        try:
            found.append(read_image(path))
        except DataError as error:
            complaint = error
    if not found:
        raise complaint or DataError("there is no image on which to compare runtimes and precisions")
    return found


def _warn_of_differences(computing: Computing, *, show: bool) -> None:
    if computing.proof is not None and computing.proof.smallest_cosine < SMALLEST_COSINE:
        log_line(
            f"warning: {computing} was asked for, and gives other features than float32 (a cosine of {SMALLEST_COSINE} "
            "counts as the same): results can differ",
            show=show,
        )


def _is_exported(source: str | os.PathLike[str], runtime: ModelRuntime) -> bool:
    """Whether a model must be exported to run where it shall; model files and `tiny-clip`, which has one, need not."""
    if runtime not in ("onnx", "openvino"):
        return False
    name = os.fspath(source)
    return bundled_model_file(name) is None and resolve_path(name).suffix not in MODEL_SUFFIXES


def _elsewhere(model: Embedder) -> bool:
    """Whether a model computes on another device than the CPU."""
    device = None if isinstance(model, FileEmbedder) else getattr(model, "device", None)
    return device is not None and device.type != "cpu"
