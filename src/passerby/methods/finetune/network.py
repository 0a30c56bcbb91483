"""A backbone with the usual head of re-identification: a batch-normalised neck and a classifier."""

from torch import Tensor, nn

from passerby.models.backbones.backbone import Backbone
from passerby.models.layers import bn_neck, identity_classifier

CLASS_SIZED = ("classifier.",)
"""Tensors whose size is the number of training identities."""

TRAINING_ONLY = ("bottleneck.", "classifier.")
"""Tensors that embedding does not need."""


class BackboneReid(nn.Module):
    """What fine-tuning trains.

    Args:
        backbone: images → features.
        classes: number of training identities.

    Source: Luo et al. 2019, "Bag of tricks", with one global feature.
    """

    def __init__(self, backbone: Backbone, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.bottleneck = bn_neck(backbone.feature_dim)
        self.classifier = identity_classifier(backbone.feature_dim, classes)

    @property
    def embed_dim(self) -> int:
        """Length of the retrieval feature."""
        return self.backbone.feature_dim

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features before the neck, float32 [B, D], and identity logits [B, C] behind it."""
        features: Tensor = self.backbone(images)
        return features, self.classifier(self.bottleneck(features))

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """The feature before the neck, L2-normalised, float32 [B, D]; camera ids are ignored."""
        return self.backbone.embed(images, camera_ids)
