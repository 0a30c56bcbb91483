"""Export a model: what `passerby export` does."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from torch import nn

from passerby.atomic_files import temporary_folder
from passerby.config import read_settings
from passerby.data.formats.open_data import open_data
from passerby.data.split import Benchmark
from passerby.errors import DataError
from passerby.exporting import Exported, ExportPlan, ExportSettings, Format, Precision, write_export
from passerby.extras import naming_extras
from passerby.inference.embedder import Embedder
from passerby.inference.loading import as_embedder
from passerby.inference.torch_embedder import in_torch
from passerby.output_lock import alone_at
from passerby.output_paths import checked_folder


def export_settings(given: Sequence[str]) -> ExportSettings:
    """The settings of an export, from `key=value` texts.

    Raises:
        RecipeError: an unknown key or a value that does not fit.
    """
    return read_settings(ExportSettings, given)


def export(
    model: Embedder | nn.Module | str | Path,
    out: str | Path = "exported",
    *,
    format: Format = "onnx",
    precision: Precision = "fp32",
    data: Benchmark | str | Path | None = None,
    root: str | Path | None = None,
    licence: str | None = None,
    settings: ExportSettings | None = None,
    network: str | None = None,
    allow_torchscript: bool = False,
) -> Exported:
    """Write a model as a file that runs without torch and passerby, once it is proven to compute the same.

    Into the folder go `model.onnx` (or `model.xml` and `model.bin`), its card, and `text.onnx` where the model has a
    text tower. It takes uint8 RGB `images` [N, H, W, 3] and gives float32 `embeddings` [N, D] of length 1, for any N.

    Examples:
        >>> passerby.export("tiny-clip", "exported").parity.smallest_cosine
        >>> passerby.export("runs/market", "exported", format="openvino", precision="int8", data="people.parquet")

    Args:
        model: as `passerby.load` returns it, what `passerby.load` takes, or a network of one's own.
        out: the folder; earlier files of the same names are replaced.
        format: `onnx`, or `openvino`.
        precision: `fp32`; `fp16`, which halves the file; or `int8`, which is faster and less exact.
        data: the images on which the file is compared with the model, as `open_data` takes it; by default drawn
            people. For int8 it needs a training split to calibrate on, and query and gallery.
        root: the folder that holds the benchmark that `data` names.
        licence: of the weights, for the card.
        settings: how much is compared, and which layers int8 leaves alone.
        network: of a model that has yet to be loaded, see `passerby.load`.
        allow_torchscript: of a model that has yet to be loaded, see `passerby.load`.

    Raises:
        ExportError: the file does not compute what the model does; none is left.
        CheckpointError: the model cannot be loaded, or is of a kind that torch cannot write.
        DataError: the data has too few images, or one cannot be read; or there is no place for the results.
        DeviceError: the extra `export` is not installed.
    """
    _check_choices(format, precision)
    folder = checked_folder(out)
    benchmark = data if isinstance(data, Benchmark) or data is None else open_data(str(data), root)
    loaded = as_embedder(model, device="cpu", network=network, allow_torchscript=allow_torchscript)
    embedder = in_torch(loaded, "export")
    source = str(model) if isinstance(model, str | Path) else str(embedder.file or type(embedder.model).__name__)
    plan = ExportPlan(format, precision, settings or ExportSettings(), source, licence)
    with alone_at(plan.image_file(folder)), naming_extras(), temporary_folder(folder / "export") as made:
        return _moved(write_export(embedder, made, plan, benchmark), made, folder)


def _check_choices(format: str, precision: str) -> None:
    """Refuse what is no format or precision, and a machine without the packages, before anything is computed."""
    for name, value, known in (("format", format, get_args(Format)), ("precision", precision, get_args(Precision))):
        if value not in known:
            raise DataError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    with naming_extras():
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401


def _moved(exported: Exported, made: Path, folder: Path) -> Exported:
    """The same files in their folder; cards last, which tell by their hash whether the rest is theirs."""
    for file in sorted(made.iterdir(), key=lambda each: (each.suffix == ".yaml", each.name)):
        file.replace(folder / file.name)
    return Exported(
        folder / exported.file.name,
        folder / exported.card.name,
        exported.parity,
        exported.ranking,
        exported.text and folder / exported.text.name,
        exported.text_parity,
    )
