"""Disks whose system has no lock to give: a run's folder, and the cache of pixels, on such a disk."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from passerby.data.cache.pixel_cache import PixelCache
from passerby.errors import DeviceError, PasserbyError
from passerby.runs.run_lock import alone_in
from tests.data.pictures import jpeg_split
from tests.training.started import SECONDS

WITHOUT = """
import errno, fcntl, os, sys
from pathlib import Path
def flock(*_):
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
fcntl.flock = flock
from passerby.runs.run_lock import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def refuse_locks(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)


def test_a_folder_is_refused_where_locks_have_run_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_locks(monkeypatch, errno.ENOLCK)
    with (
        pytest.raises(PasserbyError, match=rf"^{re.escape(str(tmp_path))}: cannot be locked \(No locks available\): "),
        alone_in(tmp_path),
    ):
        pass
    with pytest.raises(DeviceError, match=r"cannot write the pixel cache in .*No locks available; name another folder"):
        PixelCache.open(jpeg_split(tmp_path / "images", [(40, 20)]), (32, 16), "bicubic", tmp_path / "cache")


@pytest.mark.filterwarnings("ignore:flock not supported")
def test_without_locks_the_file_keeps_others_out_until_its_process_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_locks(monkeypatch, errno.ENOSYS)
    command = [sys.executable, "-c", WITHOUT, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        with pytest.raises(PasserbyError, match="another process trains there"), alone_in(tmp_path):
            pass
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)
    with alone_in(tmp_path):
        assert (tmp_path / ".lock").exists()
    assert list(tmp_path.iterdir()) == []
    images = jpeg_split(tmp_path / "images", [(40, 20)])
    assert len(PixelCache.open(images, (32, 16), "bicubic", tmp_path / "cache", show_progress=False)) == 1
