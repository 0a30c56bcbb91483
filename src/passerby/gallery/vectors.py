"""Features as the gallery keeps them: float16, little-endian."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from passerby.errors import GalleryError
from passerby.gallery.records import Feature, ModelKey

_KEPT = np.dtype("<f2")
_LENGTH_TOLERANCE = 1e-3


def to_bytes(feature: NDArray[np.float32]) -> bytes:
    """One feature, or several one after another, as bytes; float16 holds numbers up to 1 to three digits."""
    return feature.astype(_KEPT).tobytes()


def from_bytes(kept: Sequence[bytes], dim: int) -> NDArray[np.float16]:
    """Features as float16 [N, D]."""
    return np.frombuffer(b"".join(kept), _KEPT).reshape(len(kept), dim)


def widened(features: NDArray[np.float16]) -> NDArray[np.float32]:
    """The same features as float32 [N, D]; OpenCV has the processor do it, and takes a seventh of NumPy's time."""
    import cv2

    if not features.size:
        return features.astype(np.float32)
    return cast("NDArray[np.float32]", cv2.convertFp16(np.ascontiguousarray(features).view(np.int16)))


def check_feature(feature: Feature, model: ModelKey, tracklet: str) -> None:
    """Refuse a feature that cannot be compared.

    Raises:
        GalleryError: of another length than the model's features, not finite, or not scaled to length 1.
    """
    parts = {"feature": (feature.vector, [model.dim])}
    if feature.halves is not None:
        parts["feature of halves"] = feature.halves, [2, model.dim]
    for name, (values, shape) in parts.items():
        if list(values.shape) != shape:
            raise GalleryError(
                f"tracklet {tracklet}: its {name} has shape {list(values.shape)}, but {model.name} gives {shape}: "
                "add it under the model that computed it"
            )
        if not bool(np.isfinite(values).all()):
            raise GalleryError(f"tracklet {tracklet}: its {name} is not finite: see the model's weights")
        if bool((np.abs(np.linalg.norm(values, axis=-1) - 1) > _LENGTH_TOLERANCE).any()):
            raise GalleryError(f"tracklet {tracklet}: its {name} is not of length 1: normalise it, as `embed` does")
