"""Backbones by name, and the official files of their weights."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.models.backbones.backbone import Backbone
    from passerby.models.backbones.official_files import backbone_tensors, load_backbone
    from passerby.models.backbones.registry import FAMILIES, create, family_of, register_backbone

__all__ = [
    "FAMILIES",
    "Backbone",
    "backbone_tensors",
    "create",
    "family_of",
    "load_backbone",
    "register_backbone",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "backbone": ["Backbone"],
        "official_files": ["backbone_tensors", "load_backbone"],
        "registry": ["FAMILIES", "create", "family_of", "register_backbone"],
    },
)
