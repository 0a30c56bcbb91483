"""The engine: runs the stages of a recipe."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.training.trainer_extras import CALLBACKS, register_callback

__all__ = ["CALLBACKS", "register_callback"]

__getattr__ = lazy_exports(__name__, {"trainer_extras": ["CALLBACKS", "register_callback"]})
