"""Builds of the pixel cache that are interrupted or killed, and several processes that want it."""

import multiprocessing
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from passerby.data.cache import building as cache_building
from passerby.data.cache.files import DONE
from passerby.data.pixels import reading as reading_images
from tests.data.cache.caches import RAGGED, by_pillow, opened
from tests.data.pictures import jpeg_split


def test_an_interrupted_build_is_resumed(tmp_path, monkeypatch, decoded):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 20)
    monkeypatch.setattr(reading_images, "_BLOCK", 4)
    reading = cache_building.read_image

    def interrupted(path):
        if path.name == "0013.jpg":
            raise KeyboardInterrupt
        return reading(path)

    monkeypatch.setattr(cache_building, "read_image", interrupted)
    with pytest.raises(KeyboardInterrupt):
        opened(split, tmp_path / "cache")
    monkeypatch.setattr(cache_building, "read_image", reading)
    decoded.clear()
    cache = opened(split, tmp_path / "cache")
    assert sorted(decoded) == [f"{row:04d}.jpg" for row in range(12, 20)]
    np.testing.assert_array_equal(cache.images(np.arange(20)).numpy(), by_pillow(split, range(20)))


_BUILD = """
import signal, sys
from pathlib import Path
from passerby.data.cache import PixelCache
from passerby.data.cache import building as cache_building
from passerby.data.pixels import read_image
from passerby.data.pixels import reading as reading_images
from passerby.data.split import split_from_names

images, folder, log, last = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])

def reading(path):
    if int(path.stem) == last:
        signal.raise_signal(signal.SIGKILL)
    with log.open("a") as stream:
        stream.write(path.name + "\\n")
    return read_image(path)

cache_building.read_image = reading
reading_images._BLOCK, cache_building._COMMIT_SECONDS = 4, -1.0
names = sorted(path.name for path in images.iterdir())
count = len(names)
split = split_from_names(images, names, [f"person{i % 3}" for i in range(count)], [f"c{i % 2}" for i in range(count)])
print("ready", flush=True)
sys.stdin.readline()
cache = PixelCache.open(split, (32, 16), "bicubic", folder)
print(int(cache.images(__import__("numpy").arange(count)).sum()))
"""


def start_building(tmp_path: Path, *, killed_at: int = -1) -> "subprocess.Popen[str]":
    """A process that builds the cache once it is told a line, and is killed when it comes to that image."""
    arguments = [str(tmp_path / "images"), str(tmp_path / "cache"), str(tmp_path / "log"), str(killed_at)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", _BUILD, *arguments], text=True, **pipes)


def test_a_killed_build_is_resumed(tmp_path, decoded):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 60)
    process = start_building(tmp_path, killed_at=30)
    process.communicate("go\n", timeout=300)
    assert process.returncode == -signal.SIGKILL
    (file,) = (tmp_path / "cache").glob("*.building/status.npy")
    done = np.load(file) == DONE
    assert done.tolist() == [True] * 28 + [False] * 32  # in blocks of four
    cache = opened(split, tmp_path / "cache")
    assert sorted(decoded) == [f"{row:04d}.jpg" for row in range(28, 60)]
    np.testing.assert_array_equal(cache.images(np.arange(60)).numpy(), by_pillow(split, range(60)))


def test_of_several_processes_one_builds(tmp_path):
    split = jpeg_split(tmp_path / "images", [(40, 20)] * 60)
    processes = [start_building(tmp_path) for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted((tmp_path / "log").read_text().split()) == [f"{row:04d}.jpg" for row in range(60)]
    assert {int(output) for output, _ in outputs} == {int(by_pillow(split, range(60)).sum())}
    assert sum("another process builds" in errors for _, errors in outputs) <= 1


def test_a_spawned_process_maps_the_file_itself(tmp_path):
    split = jpeg_split(tmp_path / "images", RAGGED)
    cache = opened(split, tmp_path / "cache")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        images = pool.apply(cache.images, (np.array([3, 1]),))
    np.testing.assert_array_equal(images.numpy(), by_pillow(split, [3, 1]))
