"""A network that turns an image into one feature."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Backbone(nn.Module):
    """Pooled features of a network without its classifier.

    Args:
        name: as `passerby.models.backbones.registry.create` takes it.
        network: images [B, 3, H, W] → [B, feature_dim].
        feature_dim: length of a feature.
        image_size: height and width that the network is made for; others work too.
    """

    def __init__(self, name: str, network: nn.Module, feature_dim: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        self.name, self.image_size = name, image_size
        self.feature_dim = self.embed_dim = feature_dim
        self.network = network
        self.embeds_in_float32 = True  # whatever the precision of training around it

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images [B, 3, H, W] → float32 [B, feature_dim], also under mixed precision."""
        features: Tensor = self.network(images)
        return features.float()

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """Normalised images [B, 3, H, W] → float32 [B, feature_dim], L2-normalised; cameras make no difference."""
        del camera_ids
        if (
            not self.embeds_in_float32 or torch.compiler.is_exporting()
        ):  # it would put what is in autocast's scope aside, layers' names with it
            return F.normalize(self(images))
        with torch.autocast(images.device.type, enabled=False):
            return F.normalize(self(images))
