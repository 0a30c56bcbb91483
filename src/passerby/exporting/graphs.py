"""What an exported file computes: from pixels or token numbers as they are to features of length 1."""

import copy
from collections.abc import Sequence
from typing import cast

import torch
from timm.utils.model import reparameterize_model
from torch import Tensor, nn

from passerby.data.augmentation.transforms import TestTransform
from passerby.inference.text_embedding import TextEmbeddingModel
from passerby.inference.torch_embedder import TorchEmbedder
from passerby.methods.method import EmbeddingModel
from passerby.models.backbones import Backbone

IMAGES, TOKENS, EMBEDDINGS = "images", "tokens", "embeddings"
"""Names of the inputs and the output of exported files."""


class ImageGraph(nn.Module):
    """uint8 RGB [N, H, W, 3] at the model's size → float32 [N, D] of length 1: everything that `Embedder.embed` does.

    A camera embedding enters as the mean over the trained cameras, as for cameras that a model does not know.

    Args:
        model: an `EmbeddingModel`.
        transform: whose normalisation is applied; resizing is left to whoever reads the images.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, model: nn.Module, transform: TestTransform) -> None:
        super().__init__()
        self.model = model
        mean, std = (torch.tensor(each, dtype=torch.float64) for each in (transform.mean, transform.std))
        self.register_buffer("scale", _per_channel(1 / (255 * std)))
        self.register_buffer("offset", _per_channel(-mean / std))

    def forward(self, images: Tensor) -> Tensor:
        """Pixels to features."""
        pixels = images.permute(0, 3, 1, 2).to(torch.float32) * self.scale + self.offset
        return cast(EmbeddingModel, self.model).embed(pixels)


class TextGraph(nn.Module):
    """CLIP's token numbers, int64 [N, L] → float32 [N, D] of length 1, in the space of the images' features.

    Args:
        model: a `TextEmbeddingModel`.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        """Token numbers to features."""
        return cast(TextEmbeddingModel, self.model).embed_text(tokens)


def network_to_export(embedder: TorchEmbedder) -> nn.Module:
    """A copy of a model's network that only embeds: on the CPU, in float32, with as few layers as give its features.

    Parallel branches of RepViT, FastViT and their like are merged, and what no image changes is computed once; see
    `Method.freeze`.
    """
    network = copy.deepcopy(embedder.model).to("cpu", torch.float32).eval().requires_grad_(False)
    if embedder.method is not None:
        network = embedder.method.freeze(network)
    for part in network.modules():
        if isinstance(part, Backbone):
            part.network = reparameterize_model(part.network, inplace=True)
    return network


def _per_channel(values: Sequence[float] | Tensor) -> Tensor:
    return torch.as_tensor(values).float()[:, None, None]
