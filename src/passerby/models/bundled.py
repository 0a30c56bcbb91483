"""Weights that come with passerby, by name."""

from importlib.resources import files
from pathlib import Path

TINY_CLIP = "tiny-clip"
"""A tiny CLIP that has seen nothing but drawn people; see docs/tiny-clip.md."""

NAMES = (TINY_CLIP,)


def bundled_file(name: str) -> Path | None:
    """The file of bundled weights; None for other names."""
    return Path(str(files("passerby") / "weights" / f"{name}.safetensors")) if name in NAMES else None


def resolve_path(source: str | Path) -> Path:
    """The path of a model: of bundled weights by their name, else the file or folder itself."""
    return bundled_file(str(source)) or Path(source).expanduser()
