"""CCAFL (Tan et al., TCSVT 2025): learning from camera-local labels."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.methods.ccafl.association.files import association_epochs, read_association

__all__ = ["association_epochs", "read_association"]

__getattr__ = lazy_exports(__name__, {"association.files": ["association_epochs", "read_association"]})
