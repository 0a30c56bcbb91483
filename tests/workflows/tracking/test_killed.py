"""Killed at any moment, the same command goes on and ends with the same files."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workflows.tracking.sequences import contents, write_sequence


def start(out: Path, *sources: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.workflows.tracking.tracking_process", str(out), *map(str, sources)]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def members(session: int) -> list[int]:
    """Processes that were started in a session and still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def all_gone(session: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if not members(session):
            return True
        time.sleep(0.1)
    return False


def kill_and_compare(folder: Path, kills: int, seed: int, *, frames: int) -> None:
    """Kill the command at random moments, then let it end, and compare with one that nobody killed."""
    sources = [write_sequence(folder / name, frames) for name in ("gate", "yard")]
    whole, often = folder / "whole", folder / "often"
    began = time.monotonic()
    assert start(whole, *sources).wait() == 0
    length, generator = time.monotonic() - began, random.Random(seed)
    for _ in range(kills):
        process = start(often, *sources)
        try:
            process.wait(generator.uniform(0.2, 0.9) * length)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert all_gone(process.pid)
    assert start(often, *sources).wait() == 0
    first, second = contents(whole), contents(often)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name] and name != "report.html"] == []
    assert first["report.html"].replace(b"whole", b"often") == second["report.html"]
    assert "tracklets.parquet" in first
    assert sum(name.startswith("crops/") for name in first) > 10


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_command_that_is_killed_goes_on_and_ends_with_the_same_files(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, kills=2, seed=1, frames=60)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_thirty_kills_change_nothing(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, kills=30, seed=2, frames=400)
