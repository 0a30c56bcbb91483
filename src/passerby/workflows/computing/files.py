"""Model files that compute what a model does: its own, the one that comes with passerby, or one in the cache."""

import hashlib
from pathlib import Path

from passerby.atomic_files import temporary_folder
from passerby.extras import is_installed, naming_extras
from passerby.inference.embedder import Embedder
from passerby.inference.file_embedder import FileEmbedder
from passerby.models.bundled import bundled_model_file
from passerby.output_lock import alone_at
from passerby.output_paths import default_cache_folder
from passerby.progress import log_line


def own_file(model: Embedder, name: str) -> Path | None:
    """The model file that a model is of, or that comes with passerby beside its weights."""
    return model.session.file if isinstance(model, FileEmbedder) else bundled_model_file(name)


def can_export() -> bool:
    """Whether the packages are installed that write a network as ONNX."""
    return is_installed("onnx") and is_installed("onnxscript")


def cached_file(model: Embedder) -> Path:
    """Where the export of a network in torch lies, or would."""
    mark = model.fingerprint() + str(model.description.get("network", "")).encode()
    return default_cache_folder() / "exported" / hashlib.blake2b(mark, digest_size=12).hexdigest() / "model.onnx"


def export_to_cache(model: Embedder, *, show: bool) -> Path:
    """Write a network in torch as ONNX into the cache, once; what it computes is for the caller to compare.

    Raises:
        CheckpointError: torch cannot write the network as ONNX.
        DeviceError: the extra `export` is not installed.
    """
    file = cached_file(model)
    if file.is_file():
        return file
    with naming_extras():
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401

        from passerby.exporting import write_unproven
        from passerby.inference.torch_embedder import in_torch
    log_line(f"exporting the network into {file.parent}, once", show=show)
    file.parent.mkdir(parents=True, exist_ok=True)
    with alone_at(file), temporary_folder(file.parent / "export") as made:
        write_unproven(in_torch(model, "export"), made / file.name)
        for each in sorted(
            made.iterdir(), key=lambda one: one.suffix == ".onnx"
        ):  # the model last: it tells all is there
            each.replace(file.parent / each.name)
    return file
