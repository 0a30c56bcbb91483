"""A stream has no end: Ctrl-C ends it, and the tables are written."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.video.reading.stream_server import StreamServer


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_a_stream_that_is_interrupted_is_done(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with StreamServer(rate=15) as server:
        command = [sys.executable, "-m", "passerby", "track", server.address, "-o", str(out), "--detector", "motion"]
        process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while server.connections == 0 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    source = json.loads(printed)["sources"][0]
    assert source["frames_analysed"] > 3
    assert source["start"] is not None
    assert (out / "tracklets.parquet").is_file()
    assert b"secret" not in said + printed + (out / "track.json").read_bytes()
