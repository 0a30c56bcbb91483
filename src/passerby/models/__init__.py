"""Networks, and how weights are read into them."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.models.bundled import NAMES, TINY_CLIP, bundled_file, bundled_model_file, resolve_path
    from passerby.models.checkpoint import load_strictly, read_description, read_tensors, save_model
    from passerby.models.feature_check import check_features
    from passerby.models.inference_mode import evaluation_mode
    from passerby.models.layers import CosineClassifier, GeneralisedMean, bn_neck, identity_classifier
    from passerby.models.weights_digest import add_weights

__all__ = [
    "NAMES",
    "TINY_CLIP",
    "CosineClassifier",
    "GeneralisedMean",
    "add_weights",
    "bn_neck",
    "bundled_file",
    "bundled_model_file",
    "check_features",
    "evaluation_mode",
    "identity_classifier",
    "load_strictly",
    "read_description",
    "read_tensors",
    "resolve_path",
    "save_model",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "bundled": ["NAMES", "TINY_CLIP", "bundled_file", "bundled_model_file", "resolve_path"],
        "checkpoint": ["load_strictly", "read_description", "read_tensors", "save_model"],
        "inference_mode": ["evaluation_mode"],
        "feature_check": ["check_features"],
        "layers": ["CosineClassifier", "GeneralisedMean", "bn_neck", "identity_classifier"],
        "weights_digest": ["add_weights"],
    },
)
