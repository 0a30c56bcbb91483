"""The step of CCAFL's classifier: at every batch, before the image tower's, on features that it cannot change."""

from typing import Any

import torch
from torch import Tensor

from passerby.distributed.processes import average_over_processes
from passerby.losses.camera_adversary import accumulated_identity_loss
from passerby.methods.ccafl.recipe import AdversarySection
from passerby.models.layers import CosineClassifier


class ClassifierStep:
    """An optimiser of its own for the classifier, outside Lightning's: its parameters are frozen for everybody else.

    It computes in float32, whatever the precision of training, and all processes take the same step.

    Args:
        classifier: on its device.
        section: of the recipe.
        state: of an earlier one, to go on from.
    """

    def __init__(
        self, classifier: CosineClassifier, section: AdversarySection, state: dict[str, Any] | None = None
    ) -> None:
        self._classifier, self._scale = classifier, section.scale
        self._optimiser = torch.optim.Adam(
            [classifier.weight], lr=section.classifier_lr, weight_decay=section.classifier_weight_decay
        )
        if state is not None:
            self._optimiser.load_state_dict(state)

    def __call__(self, features: Tensor, labels: Tensor) -> Tensor:
        """Learn from features [B, D] of length 1, without gradient, and their labels, int64 [B]; the loss before."""
        weight = self._classifier.weight.requires_grad_()
        with torch.enable_grad():
            loss = accumulated_identity_loss(self._classifier(features.detach()), labels, scale=self._scale)
        (gradient,) = torch.autograd.grad(loss, weight)
        weight.requires_grad_(False)
        weight.grad = average_over_processes(gradient)
        self._optimiser.step()
        weight.grad = None
        return loss.detach()

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return self._optimiser.state_dict()
