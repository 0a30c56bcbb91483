"""Embed images into a table: what `passerby embed` does."""

from dataclasses import dataclass
from pathlib import Path

from passerby.data.formats.open_data import list_images
from passerby.inference.embedding_table import EMBEDDING_SUFFIXES, embed_to_table
from passerby.inference.loading import load
from passerby.output_paths import check_output_file


@dataclass(frozen=True)
class EmbeddingRequest:
    """What to embed, with which model, into which file.

    Attributes:
        model: what `passerby.load` takes.
        images: files, folders, or tables (CSV or Parquet with a column `path`).
        out: the Parquet file to write.
        batch_size: images embedded at once.
        device, network, allow_torchscript: see `passerby.load`.
        skip_unreadable: leave out images that cannot be decoded instead of stopping.
    """

    model: str | Path
    images: tuple[Path, ...]
    out: Path = Path("features.parquet")
    batch_size: int = 64
    device: str | None = None
    network: str | None = None
    skip_unreadable: bool = False
    allow_torchscript: bool = False


@dataclass(frozen=True)
class EmbeddedImages:
    """The table that was written.

    Attributes:
        file: a row per image, with the columns `path` and `embedding`.
        rows: how many.
        skipped: images left out because they cannot be read.
        embed_dim: length of a feature.
        mean_camera: whether the model has a camera embedding, of which such images take the mean.
    """

    file: Path
    rows: int
    skipped: int
    embed_dim: int
    mean_camera: bool


def embed_images(request: EmbeddingRequest) -> EmbeddedImages:
    """Write a table of one feature per image; an interrupted call continues where it stopped.

    Raises:
        DataError: there are no images, one cannot be read, or the file cannot be written.
        CheckpointError: the model cannot be loaded.
    """
    check_output_file(request.out, EMBEDDING_SUFFIXES)
    images = list(request.images)
    split = list_images(images[0] if len(images) == 1 else images)
    model = load(
        request.model,
        device=request.device,
        allow_torchscript=request.allow_torchscript,
        network=request.network,
    )
    written = embed_to_table(
        model, split, request.out, batch_size=request.batch_size, skip_unreadable=request.skip_unreadable
    )
    with_cameras = bool(model.description.get("camera_count"))
    return EmbeddedImages(request.out, written.rows, written.skipped, model.embed_dim, with_cameras)
