"""Decoded images kept on disk."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.data.cache.naming import file_stats
    from passerby.data.cache.pixel_cache import PixelCache, Pixels

__all__ = ["PixelCache", "Pixels", "file_stats"]

__getattr__ = lazy_exports(__name__, {"naming": ["file_stats"], "pixel_cache": ["PixelCache", "Pixels"]})
