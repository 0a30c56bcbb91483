"""Base of the memories: tensors that are made at the beginning of an epoch and updated by its batches."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor


class Memory(ABC):
    """Tensors of one epoch, no part of a network; all attributes are tensors."""

    @abstractmethod
    def update(self, features: Tensor, labels: Tensor, *, momentum: float = 0.1) -> None:
        """Update from a batch, after its loss was computed.

        Args:
            features: L2-normalised [B, D], without gradient; labels: int64 [B], what the memory distinguishes.
            momentum: how much of a centroid stays.
        """

    def state(self) -> dict[str, Tensor]:
        """The attributes on the CPU, which a run that is resumed inside the epoch needs."""
        return {name: value.cpu() for name, value in vars(self).items()}

    @classmethod
    def restored(cls, state: Mapping[str, Tensor], device: torch.device) -> Self:
        """The memory whose `state` is given."""
        memory = cls.__new__(cls)
        for name, value in state.items():
            setattr(memory, name, value.to(device))
        return memory
