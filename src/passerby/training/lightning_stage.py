"""A stage as Lightning runs it. Stages themselves know nothing of Lightning, so that embedding does not import it."""

import inspect
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import LightningModule
from torch import nn

from passerby.methods.stage import Stage

_HOOKS = [name for name, _ in inspect.getmembers(LightningModule, inspect.isfunction) if not hasattr(nn.Module, name)]


class LightningStage(LightningModule):
    """Hands Lightning's hooks to a stage that defines them.

    Args:
        stage: what is trained; callbacks find it here, as `stage`.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        for hook in _HOOKS:
            if hasattr(stage, hook):
                setattr(self, hook, getattr(stage, hook))

    def setup(self, stage: str) -> None:
        """Lightning's hook, before all others: the stage learns who runs it."""
        del stage  # Lightning's word for what it is about to do: fit, here
        self.stage.run_by(self.trainer)

    def state_dict(self, *given: Any, **named: Any) -> Any:
        """The stage's tensors, under its own names."""
        return self.stage.state_dict(*given, **named)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Put tensors of that kind into the stage."""
        return self.stage.load_state_dict(state_dict, strict=strict, assign=assign)
