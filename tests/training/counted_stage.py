"""A stage with one weight that sees the numbers 1, 2, …, for tests of what all stages have in common."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from passerby.methods.sections.learning_rate import LearningRate
from passerby.methods.stage import Stage


class Numbers:
    """A loader of the numbers 1, 2, …"""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Tensor]:
        return iter([torch.tensor([float(step)]) for step in range(1, self.steps + 1)])

    def skip_to(self, step: int) -> None:
        assert step == 0


class CountedStage(Stage):
    """One weight; epoch e (0-based) has so many batches as `steps[e]`. The learning rate is constant."""

    def __init__(self, name: str, steps: Sequence[int], *, rate: float = 0.0) -> None:
        constant = LearningRate(lr=rate, decay="constant")
        super().__init__(name, nn.Linear(1, 1, bias=False), epochs=len(steps), seed=0, learning_rate=constant)
        self.steps = steps

    def batches(self, epoch: int, process: int, processes: int) -> Numbers:
        return Numbers(self.steps[epoch])

    def losses(self, batch: Tensor) -> dict[str, Tensor]:
        return {"loss": self.model(batch[:, None]).sum()}

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        return self.model.named_parameters()

    def optimiser(self, parameters: Sequence[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
        return torch.optim.SGD([parameter for _, parameter in parameters], lr=0.0)

    def steps_per_epoch(self, processes: int) -> int:
        return self.steps[0]

    def example_batch(self) -> Tensor:
        return torch.ones(1)

    def on_stage_start(self) -> None:
        self.model.train()
