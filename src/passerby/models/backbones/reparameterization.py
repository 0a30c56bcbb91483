"""Reparameterization: parallel branches and normalisation merged into single convolutions."""

import copy

from timm.utils.model import reparameterize_model

from passerby.models.backbones.backbone import Backbone


def reparameterize(backbone: Backbone) -> Backbone:
    """A copy for inference of RepViT, FastViT and others of timm that train with more branches than they need.

    Args:
        backbone: trained; it stays as it is. Networks without such branches are merely copied.

    Returns:
        the same features to float rounding, from fewer layers. It cannot be trained, nor filled from files.
    """
    inferring = copy.deepcopy(backbone).eval()
    inferring.network = reparameterize_model(inferring.network, inplace=True)
    return inferring.requires_grad_(False)
