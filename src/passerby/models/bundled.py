"""Weights that are known by a name: those that come with passerby, and those of an extra."""

from importlib.resources import files
from pathlib import Path

from passerby.models.imagenet import IMAGENET, imagenet_file
from passerby.models.zoo.published import fetched_file

TINY_CLIP = "tiny-clip"
"""A tiny CLIP that has seen nothing but drawn people; see docs/reference/tiny-clip.md."""

TINY_REID = "tiny-reid"
"""A small network of images alone, which has seen nothing but drawn people; see docs/reference/tiny-reid.md."""

PACKAGED = (TINY_CLIP, TINY_REID)
"""Those that come with passerby."""

NAMES = (*PACKAGED, IMAGENET)


def bundled_file(name: str) -> Path | None:
    """The file of weights of this name; None for other names.

    Raises:
        CheckpointError: they come with an extra that is not installed.
    """
    if name in PACKAGED:
        return Path(str(files("passerby") / "weights" / f"{name}.safetensors"))
    return imagenet_file() if name == IMAGENET else None


def bundled_model_file(name: str) -> Path | None:
    """The `.onnx` file of this name, which needs no torch and computes what its weights do; None for other names.

    It is what `passerby export NAME --precision fp16 --licence Apache-2.0` has written: the weights are in half
    precision already.
    """
    return Path(str(files("passerby") / "weights" / name / "model-fp16.onnx")) if name in PACKAGED else None


def resolve_path(source: str | Path) -> Path:
    """The path of a model: of weights known by name, the file or folder itself, or a fetched file of the zoo by name.

    Raises:
        CheckpointError: the weights come with an extra that is not installed, or the zoo has a model of this name, but
            its file was not fetched.
    """
    path = Path(source).expanduser()
    return bundled_file(str(source)) or (None if path.exists() else fetched_file(str(source))) or path
