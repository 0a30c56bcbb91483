"""Feature variants and attention maps of trained networks."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.models.inspection.attention_maps import AttentionMaps, PatchGeometry
    from passerby.models.inspection.reference import REFERENCE

__all__ = [
    "REFERENCE",
    "AttentionMaps",
    "PatchGeometry",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "attention_maps": ["AttentionMaps", "PatchGeometry"],
        "reference": ["REFERENCE"],
    },
)
