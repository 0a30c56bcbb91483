"""States that cannot be written, and why."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from passerby.errors import CheckpointError
from passerby.training.checkpoints import AtomicCheckpointIO


@pytest.fixture
def no_room() -> Iterator[None]:
    """The operating system refuses to let any file grow beyond a few kilobytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("no_room")
def test_a_state_without_room_leaves_the_last_one(tmp_path: Path) -> None:
    file = tmp_path / "run" / "checkpoints" / "stage.ckpt"
    AtomicCheckpointIO().save_checkpoint({"a": torch.ones(3)}, file)
    with pytest.raises(CheckpointError, match=f"perhaps the disk is full; .*--resume {tmp_path / 'run'}`"):
        AtomicCheckpointIO().save_checkpoint({"a": torch.ones(30_000)}, file)
    assert torch.equal(AtomicCheckpointIO().load_checkpoint(file)["a"], torch.ones(3))


def test_other_errors_are_not_called_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch, "save", fails)
    with pytest.raises(RuntimeError, match="device-side assert"):
        AtomicCheckpointIO().save_checkpoint({}, tmp_path / "stage.ckpt")
    assert list(tmp_path.iterdir()) == []
