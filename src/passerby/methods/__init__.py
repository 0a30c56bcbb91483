"""The ways to train a network: a folder for each method, on shared stages, recipe sections and networks."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports
from passerby.methods.registry import METHODS, find_method, register_method

if TYPE_CHECKING:
    from passerby.methods.added_losses import LOSSES, register_loss
    from passerby.methods.method import EmbeddingModel, InitialWeights, Method, TrainingData
    from passerby.methods.networks.backbones import BackboneSection, new_backbone
    from passerby.methods.sections.augmentation import AugmentationSection
    from passerby.methods.sections.learning_rate import LearningRate, lr_at
    from passerby.methods.stage import LossFunction, Stage, StageOutput
    from passerby.methods.stages.image_stage import ImageBatchStage

__all__ = [
    "LOSSES",
    "METHODS",
    "AugmentationSection",
    "BackboneSection",
    "EmbeddingModel",
    "ImageBatchStage",
    "InitialWeights",
    "LearningRate",
    "LossFunction",
    "Method",
    "Stage",
    "StageOutput",
    "TrainingData",
    "find_method",
    "lr_at",
    "new_backbone",
    "register_loss",
    "register_method",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "added_losses": ["LOSSES", "register_loss"],
        "method": ["EmbeddingModel", "InitialWeights", "Method", "TrainingData"],
        "networks.backbones": ["BackboneSection", "new_backbone"],
        "sections.augmentation": ["AugmentationSection"],
        "sections.learning_rate": ["LearningRate", "lr_at"],
        "stage": ["LossFunction", "Stage", "StageOutput"],
        "stages.image_stage": ["ImageBatchStage"],
    },
)
