"""A function in two processes of its own that know each other."""

import os
from collections.abc import Callable
from pathlib import Path

from torch import distributed, multiprocessing

import passerby  # noqa: F401 - before the function's own module imports lightning: see tests/conftest.py


def in_two_processes(function: Callable[[int, Path], None], folder: Path) -> None:
    """Call function(rank, folder) in processes 0 and 1; a function of a module, since processes are spawned."""
    multiprocessing.spawn(_joined, args=(function, folder), nprocs=2)


def _joined(rank: int, function: Callable[[int, Path], None], folder: Path) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo", "LOCAL_RANK": str(rank), "NODE_RANK": "0"}
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    function(rank, folder)
    distributed.destroy_process_group()
