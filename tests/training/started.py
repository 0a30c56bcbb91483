"""Training in processes of its own, to be watched, interrupted and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from passerby.models.checkpoint import read_tensors

SECONDS = 300
"""Far more than anything takes on a busy machine."""


def start(*arguments: str, start_new_session: bool = False) -> subprocess.Popen[str]:
    """`passerby` with these arguments."""
    return subprocess.Popen(
        [sys.executable, "-m", "passerby", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=start_new_session,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """What a process that ends well prints."""
    printed, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    return printed


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Until the condition holds, while the process runs."""
    begun = time.monotonic()
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - begun < SECONDS
        time.sleep(0.01)


def state_of(folder: Path) -> Path:
    """The state of a run's second stage."""
    return folder / "checkpoints" / "stage2-images.ckpt"


def next_step(folder: Path) -> int:
    """The step at which a resumed run would begin, 0 between epochs or where there is no state."""
    state = state_of(folder)
    return int(torch.load(state, weights_only=True)["passerby"]["next_step"]) if state.exists() else 0


def kill_in_mid_epoch(process: subprocess.Popen[str], folder: Path) -> None:
    """Kill the process while the run's state stands inside an epoch."""
    while True:
        wait_for(lambda: next_step(folder) > 0, process)
        process.send_signal(signal.SIGSTOP)  # so that it cannot save another state between looking and killing
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        if next_step(folder) > 0:
            process.kill()
            process.communicate(timeout=SECONDS)  # processes that helped it end too, and close its standard error
            return
        process.send_signal(signal.SIGCONT)


def assert_same_weights(first: Path, second: Path) -> None:
    """Both runs ended with the same weights, to the last bit."""
    a, b = read_tensors(first / "model.safetensors"), read_tensors(second / "model.safetensors")
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []
