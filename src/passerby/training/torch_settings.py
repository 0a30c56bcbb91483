"""Settings of torch and Lightning for the whole process, while a training runs."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_LOGGERS = ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero")


@contextmanager
def torch_settings() -> Iterator[None]:
    """Silence remarks of libraries, and allow deterministic arithmetic; the earlier settings are restored at the end.

    What matters to a user, passerby says itself. `CUBLAS_WORKSPACE_CONFIG`, which CUDA reads once, stays, and so does
    what training makes of torch's global generators.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic matrix products on CUDA
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning.*")
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
            torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
            torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = cudnn
