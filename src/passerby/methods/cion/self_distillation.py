"""A student and a teacher of the same build: the teacher follows the student and is never trained."""

import copy
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from passerby.methods.cion.projection_head import ProjectionHead
from passerby.models.backbones.backbone import Backbone

Network = Literal["teacher", "student"]


class ViewEncoder(nn.Module):
    """A backbone and a head over several views of the same images.

    Args:
        backbone: images [B, 3, H, W] → features [B, D].
        head: features → logits.
    """

    def __init__(self, backbone: Backbone, head: ProjectionHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Logits [V, B, K] of V views, each [B, 3, h, w].

        Consecutive views of one size pass the backbone together, so batch statistics are those of a size; the head sees
        all of them at once.
        """
        features = [self.backbone(torch.cat(group)) for group in of_one_size(views)]
        logits: Tensor = self.head(torch.cat(features))
        return logits.view(len(views), -1, logits.shape[1])


class SelfDistillation(nn.Module):
    """What CION pre-trains.

    Args:
        backbone: of the student; the teacher begins as its copy.
        head: likewise.
        network: whose backbone embeds.

    Attributes:
        student: learns.
        teacher: an average of the students so far.
        centre: running mean of the teacher's logits, float32 [1, K].
    """

    centre: Tensor

    def __init__(self, backbone: Backbone, head: ProjectionHead, *, network: Network = "teacher") -> None:
        super().__init__()
        self.student = ViewEncoder(backbone, head)
        self.teacher = copy.deepcopy(self.student)
        self.teacher.requires_grad_(False)
        self.network = network
        self.register_buffer("centre", torch.zeros(1, len(head.last_layer.weight_v)))

    @property
    def embed_dim(self) -> int:
        """Length of the retrieval feature."""
        return self.student.backbone.feature_dim

    def embed(self, images: Tensor, camera_ids: Tensor | None = None) -> Tensor:
        """The chosen backbone's feature, L2-normalised, float32 [B, D]; camera ids are ignored."""
        encoder = self.teacher if self.network == "teacher" else self.student
        return encoder.backbone.embed(images, camera_ids)

    @torch.no_grad()
    def follow(self, momentum: float, *, statistics: bool) -> None:
        """Let the teacher become momentum · teacher + (1 - momentum) · student.

        Args:
            momentum: 1: nothing changes.
            statistics: also running means and variances of normalisation; otherwise they stay the teacher's own.
        """
        student: list[Tensor] = [*self.student.parameters()]
        teacher: list[Tensor] = [*self.teacher.parameters()]
        if statistics:
            for own, other in zip(self.teacher.buffers(), self.student.buffers(), strict=True):
                if own.is_floating_point():
                    teacher.append(own)
                    student.append(other)
                else:
                    own.copy_(other)
        torch._foreach_lerp_(teacher, student, 1 - momentum)


def of_one_size(views: Sequence[Tensor]) -> list[list[Tensor]]:
    """Consecutive views of the same height and width."""
    groups: list[list[Tensor]] = []
    for view in views:
        if groups and groups[-1][0].shape[-2:] == view.shape[-2:]:
            groups[-1].append(view)
        else:
            groups.append([view])
    return groups
