"""Files are whole or not there, with the permissions that the user wants."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch

from passerby import atomic_files
from passerby.atomic_files import sweep_temporaries, write_atomically, write_text_atomically


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o027, 0o077], ids=oct)
def permissions(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield 0o666 & ~request.param
    os.umask(before)


def test_permissions_are_those_of_the_umask_whatever_writes(tmp_path: Path, permissions: int) -> None:
    write_text_atomically(tmp_path / "text", "é")
    with write_atomically(tmp_path / "weights.safetensors") as temporary:
        safetensors.torch.save_file({"a": torch.ones(2)}, temporary)
    with write_atomically(tmp_path / "state") as temporary:
        torch.save({"a": 1}, temporary)
    assert (tmp_path / "text").read_text("utf-8") == "é"
    assert {mode(path) for path in tmp_path.iterdir()} == {permissions}
    assert len(list(tmp_path.iterdir())) == 3, "nothing else is left"


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    write_text_atomically(target, "old")

    def fail() -> None:
        with write_atomically(target) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / "file"
    with write_atomically(target) as first, write_atomically(target) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first", "the last to finish"
    assert list(tmp_path.iterdir()) == [target]


KILLED = """
import os, sys
from collections.abc import Iterator
from pathlib import Path
from passerby import atomic_files
from passerby.atomic_files import write_atomically
with write_atomically(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), 9)
"""


def test_leftovers_of_killed_processes_are_swept_and_those_of_living_ones_kept(tmp_path: Path) -> None:
    target = tmp_path / "below" / "file"
    subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False, timeout=240)
    (left,) = target.parent.iterdir()
    others = [tmp_path / ".mine.partial", tmp_path / "x.123-00000000.partial", target.parent / ".notes"]
    for other in others:
        other.write_text("somebody else's")
    with write_atomically(tmp_path / "now"):
        assert sweep_temporaries(tmp_path) == [left]
    assert not left.exists()
    assert all(other.exists() for other in others)
    assert (tmp_path / "now").exists()


@pytest.mark.parametrize("place", ["gethostname", "_BOOT", "_PROCESSES"])
def test_another_machines_process_numbers_say_nothing(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a shared disk, after a new start of the machine, and in a container, where training is always process 1."""
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "file")], check=False, timeout=240)
    (left,) = tmp_path.iterdir()
    other = tmp_path / "other"
    if place == "gethostname":
        monkeypatch.setattr(atomic_files.socket, place, lambda: "elsewhere")
    elif place == "_BOOT":
        other.write_text("another start")
        monkeypatch.setattr(atomic_files, place, other)
    else:
        other.symlink_to("pid:[1]")
        monkeypatch.setattr(atomic_files, place, other)
    atomic_files._machine.cache_clear()
    try:
        assert sweep_temporaries(tmp_path) == []
        with write_atomically(tmp_path / "deep" / "now") as temporary:
            assert sweep_temporaries(tmp_path / "deep") == []
            assert sweep_temporaries(tmp_path, alone=True) == sorted([left, temporary])
            temporary.touch()
    finally:
        atomic_files._machine.cache_clear()


def test_a_machine_without_proc_knows_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic_files, "_BOOT", tmp_path / "none")
    atomic_files._machine.cache_clear()
    try:
        with write_atomically(tmp_path / "now"):
            assert sweep_temporaries(tmp_path) == []
    finally:
        atomic_files._machine.cache_clear()
