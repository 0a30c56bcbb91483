"""Embed images into a table: what `passerby embed` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from passerby.data.formats.open_data import list_images
from passerby.data.formats.path_pattern import PathPattern
from passerby.data.split import Split
from passerby.inference.computing import Computing, ModelPrecision
from passerby.inference.embedder import Embedder, check_batch_size
from passerby.inference.embedding_table import EMBEDDING_SUFFIXES, embed_to_table
from passerby.inference.loading import ModelRuntime, as_embedder
from passerby.output_paths import check_not_input, check_output_file, expanded, expanded_paths
from passerby.workflows.computing.opening import ImagesAhead, open_computing

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class EmbeddedImages:
    """The table that was written.

    Attributes:
        file: a row per image, with the columns `path` and `embedding`, and `identity` and `camera` where known.
        rows: how many.
        skipped: images left out because they cannot be read.
        embed_dim: length of a feature.
        mean_camera: whether the model has a camera embedding, of which such images take the mean.
        computing: in which runtime and precision, with its proof.
    """

    file: Path
    rows: int
    skipped: int
    embed_dim: int
    mean_camera: bool
    computing: Computing


def embed(
    model: "Embedder | nn.Module | str | Path",
    images: str | Path | Sequence[str | Path],
    out: str | Path = "features.parquet",
    *,
    pattern: str | None = None,
    batch_size: int = 64,
    skip_unreadable: bool = False,
    device: str | None = None,
    network: str | None = None,
    allow_torchscript: bool = False,
    runtime: ModelRuntime = "auto",
    precision: ModelPrecision = "auto",
) -> EmbeddedImages:
    """Write a table of one feature per image; an interrupted call continues where it stopped.

    For features in memory, see `Embedder.embed`.

    Examples:
        >>> passerby.embed("runs/market", "photos/", "features.parquet").rows
        >>> passerby.embed("runs/cion", ["a.jpg", "b.jpg"], "two.parquet", network="student")

    Args:
        model: as `passerby.load` returns it, what `passerby.load` takes, or a network of one's own.
        images: files, folders, or tables (CSV or Parquet with a column `path`); one of them or several.
        out: the Parquet file to write.
        pattern: how paths end where labels stand in them, such as `{camera}/{identity}_*.jpg`: they become the columns
            `camera` and `identity`; `*` stands for anything within a name.
        batch_size: images embedded at once.
        skip_unreadable: leave out images that cannot be decoded instead of stopping.
        device: of a model that has yet to be loaded, see `passerby.load`.
        network: likewise.
        allow_torchscript: likewise.
        runtime: of a model that has yet to be loaded, see `passerby.load`; onnx and openvino export networks in torch
            into the cache.
        precision: likewise. With auto and 512 images or more, what is installed is compared on 32 of them, and the
            fastest is taken whose features have a cosine of at least 0.9999 to float32; fp32 compares nothing.

    Raises:
        DataError: there are no images, one cannot be read, a path does not fit the pattern, or the file cannot be
            written or is one of `images`.
        CheckpointError, DeviceError: the model cannot be loaded, or not in this runtime or precision.
    """
    check_batch_size(batch_size)
    out, split = _files(images, out, pattern)
    load = partial(as_embedder, model, device=device, network=network, allow_torchscript=allow_torchscript)
    embedder = open_computing(load, model, ImagesAhead.of(split), runtime=runtime, precision=precision)
    written = embed_to_table(embedder, split, out, batch_size=batch_size, skip_unreadable=skip_unreadable)
    with_cameras = bool(embedder.description.get("camera_count"))
    return EmbeddedImages(out, written.rows, written.skipped, embedder.embed_dim, with_cameras, embedder.computing)


def _files(images: str | Path | Sequence[str | Path], out: str | Path, pattern: str | None) -> tuple[Path, Split]:
    """Where features go and the images they are of, once both were found to be good."""
    out = expanded(out)
    check_output_file(out, EMBEDDING_SUFFIXES)
    places = expanded_paths(images, "images")
    check_not_input(out, places)
    labels = None if pattern is None else PathPattern.parse(pattern)
    split = list_images(places[0] if len(places) == 1 else places)
    return out, split if labels is None else labels.label(split)
