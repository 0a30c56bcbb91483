"""A network of one's own, as passerby's models are used."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from passerby.errors import CheckpointError

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Per channel (RGB), on the scale 0..1."""


class OwnNetwork(nn.Module):
    """A network whose features, scaled to length 1, are what is compared; camera ids are ignored.

    Args:
        network: has a method `embed(images)`, or returns features when it is called: float [B, D] for float images
            [B, 3, H, W].
        size: height and width of its images, on which the length of a feature is found out.

    Raises:
        CheckpointError: it gives something else.
    """

    def __init__(self, network: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        self.network = network.eval()
        self._features: Callable[[Tensor], Tensor] = getattr(network, "embed", network.__call__)
        weight = next(network.parameters(), torch.empty(0))
        with torch.inference_mode():
            self.embed_dim = self.embed(torch.zeros((2, 3, *size), device=weight.device)).shape[1]

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """Normalised images [B, 3, H, W] → float32 [B, embed_dim], L2-normalised."""
        del camera_ids
        features = self._features(images)
        if not isinstance(features, Tensor) or features.ndim != 2 or features.shape[0] != images.shape[0]:
            shape = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise CheckpointError(
                f"{type(self.network).__name__}: a network must give features [images, D], but {len(images)} images "
                f"gave {shape}: give it a method embed(images) that does"
            )
        return F.normalize(features.float())
