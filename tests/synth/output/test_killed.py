"""What a killed process that draws leaves: no worker, no semaphore, and no folder after the next call."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from passerby.synth import write_market

SCRIPT = """
import sys
from pathlib import Path
from passerby.synth import write_market
if __name__ == "__main__":
    write_market(Path(sys.argv[1]), identities=2000, cameras=4, images_per_camera=8, size=(64, 32), processes=2)
"""


def children(process: int) -> list[int]:
    """Processes that this one started, and those that they started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    own = [child for child, parent in parents.items() if parent == process]
    return own + [each for child in own for each in children(child)]


def semaphores(process: int) -> set[str]:
    """Files of the semaphores that a process has open."""
    return set(re.findall(r"/dev/shm/sem\.\S+", Path(f"/proc/{process}/maps").read_text()))


def wait_for(condition, seconds: float = 120) -> bool:  # type: ignore[no-untyped-def]
    end = time.monotonic() + seconds
    while not (true := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return bool(true)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_a_killed_drawing_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "draw.py").write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "draw.py"), str(tmp_path / "world")], stderr=subprocess.DEVNULL
    )
    try:
        assert wait_for(lambda: any(tmp_path.glob(".world.*/made/bounding_box_train/*.jpg")))
        workers, shared = children(process.pid), semaphores(process.pid)
        assert len(workers) >= 2
        assert shared
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert wait_for(lambda: not any(Path(f"/proc/{each}/maps").exists() for each in workers), 60), "workers live on"
    assert wait_for(lambda: not any(Path(each).exists() for each in shared), 60), "semaphores are left"
    assert list(tmp_path.glob(".world.*"))
    write_market(tmp_path / "other", identities=2, cameras=2, images_per_camera=2, size=(64, 32), show_progress=False)
    assert {path.name for path in tmp_path.iterdir()} == {"draw.py", "other"}
