"""CLIP-ReID's network, and its official files."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.models.clip_reid.network import ClipReid, ClipReidSizes, ImageFeatures
    from passerby.models.clip_reid.official_files import is_clip_reid, recognise_clip_reid

__all__ = [
    "ClipReid",
    "ClipReidSizes",
    "ImageFeatures",
    "is_clip_reid",
    "recognise_clip_reid",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "network": ["ClipReid", "ClipReidSizes", "ImageFeatures"],
        "official_files": ["is_clip_reid", "recognise_clip_reid"],
    },
)
