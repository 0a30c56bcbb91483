"""Weights that come with passerby, by name."""

from importlib.resources import files
from pathlib import Path

TINY_CLIP = "tiny-clip"
"""A tiny CLIP that has seen nothing but drawn people; see docs/tiny-clip.md."""

NAMES = (TINY_CLIP,)


def bundled_file(name: str) -> Path | None:
    """The file of the weights of this name; None for what is no such name."""
    return Path(str(files("passerby") / "weights" / f"{name}.safetensors")) if name in NAMES else None


def resolve_path(source: str | Path) -> Path:
    """Where a model is that is called by a name of ours, or by a file or folder."""
    return bundled_file(str(source)) or Path(source).expanduser()
