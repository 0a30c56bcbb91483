"""A real service in a process of its own, on a free port."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np


@contextmanager
def serving(gallery: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address and the process of `passerby serve`, which is ended in the end."""
    command = [sys.executable, "-m", "passerby", "serve", str(gallery), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+?(?=,)", process.stdout.readline())
        assert found is not None
        yield found[0], process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(address: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    request = urllib.request.Request(address, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
            return answer.status, json.loads(content) if content else None
    except urllib.error.HTTPError as error:
        said = error.read()
        return error.code, json.loads(said) if said.startswith(b"{") else said.decode()


def until(condition: Any, seconds: float = 60.0) -> Any:
    """What a condition gives, once that is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return found


def write_video(file: Path, frames: int = 80) -> Path:
    """Two people of coarse colours who walk past each other before a wall."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 12.5, (320, 240))
    wall = np.random.default_rng(0).integers(60, 90, (240, 320, 3), np.uint8)
    clothes = [np.kron(np.random.default_rng(n).integers(0, 255, (6, 3, 3)), np.ones((20, 14, 1))) for n in (1, 2)]
    for number in range(frames):
        frame = wall.copy()
        for person, left in enumerate((5 + 3 * number, 270 - 3 * number)):
            if 0 <= left <= 320 - 42:
                frame[60 + 50 * person : 180 + 50 * person, left : left + 42] = clothes[person]
        writer.write(frame)
    writer.release()
    return file
