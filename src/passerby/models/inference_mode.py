"""Modules in inference mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluation_mode(module: nn.Module) -> Iterator[None]:
    """Within it, all parts of a module are in inference mode; afterwards each is in the mode it had.

    Batch normalisation then uses its statistics and leaves them as they are.
    """
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
