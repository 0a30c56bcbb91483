"""A process that is killed while it adds, identifies and erases: what it acknowledged holds, and nothing is half there.

Twenty kills at random moments for each store; with `-m slow` 180 more.
"""

import io
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.records import Crop, NewTracklet
from tests.gallery.erasure.test_erasing import files_with
from tests.gallery.people import made_up
from tests.gallery.servers import Store

KILLS = 20
LONGEST = {"sqlite": 0.4, "postgresql": 1.5}
"""Seconds until the kill, at most: a few rounds of the one, and one of the other."""


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 12, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def some(seed: int) -> list[NewTracklet]:
    """Three tracklets; their captions and pictures are nobody else's."""
    return [
        replace(each, caption=f"caption of {seed:09d}/{place}", crops=[Crop(0, jpeg(3 * seed + place))])
        for place, each in enumerate(made_up(3, seed=seed))
    ]


def _work(location: str, first: int, log: Path) -> None:
    """Three tracklets of each seed come, who is who is found out, the second goes; each step is logged when done."""
    with open_gallery(location) as gallery, log.open("a", buffering=1) as acknowledged:
        acknowledged.write("opened\n")
        for seed in range(first, first + 1_000):
            gallery.add(some(seed))
            acknowledged.write(f"added {seed}\n")
            gallery.identify(threshold=0.5)
            acknowledged.write(f"identified {seed}\n")
            newest = gallery.get(gallery.numbers()[-3:])
            gallery.erase([each.number for each in newest if each.key == f"seed{seed}/1"])
            acknowledged.write(f"erased {seed}\n")


def _killed(process: BaseProcess, log: Path, pause: float) -> None:
    """Start a process, and kill it that long after it has opened the gallery."""
    before = log.stat().st_size if log.exists() else 0
    process.start()
    while not log.exists() or log.stat().st_size == before:
        assert process.is_alive()
        time.sleep(0.002)
    time.sleep(pause)
    assert process.is_alive()
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def _check(gallery: Gallery, log: Path) -> set[int]:
    """Hold a gallery against what was acknowledged; returns seeds whose second tracklet is gone."""
    assert gallery.verify() == []
    done = [line.split() for line in log.read_text().splitlines() if " " in line]
    seeds = {what: {int(seed) for each, seed in done if each == what} for what in ("added", "identified", "erased")}
    tracklets = {each.key: each for each in gallery.get(gallery.numbers())}
    assert {f"seed{seed}/{place}" for seed in seeds["added"] for place in (0, 2)} <= set(tracklets)
    assert not {f"seed{seed}/1" for seed in seeds["erased"]} & set(tracklets)
    there = {int(key.removeprefix("seed").partition("/")[0]) for key in tracklets}
    assert {f"seed{seed}/{place}" for seed in there for place in (0, 2)} <= set(tracklets)
    for seed in seeds["identified"]:
        assert tracklets[f"seed{seed}/0"].identity is not None
    people = gallery.identities()
    assert all(each.tracklets for each in people)
    assert {number: each.number for each in people for number in each.tracklets} == {
        each.number: each.identity for each in tracklets.values() if each.identity is not None
    }
    gone = {seed for seed in there if f"seed{seed}/1" not in tracklets}
    assert len(gallery.receipts()) == len(gone)
    assert all(len(gallery.crops(each.number)) == 1 for each in tracklets.values())
    return gone


@pytest.mark.parametrize("batch", [0, *(pytest.param(each, marks=pytest.mark.slow) for each in range(1, 10))])
def test_what_was_acknowledged_holds_after_twenty_kills(store: Store, tmp_path: Path, batch: int) -> None:
    open_gallery(store.location, create=True).close()
    log = tmp_path / "acknowledged"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    longest = LONGEST["postgresql" if "://" in store.location else "sqlite"]
    gone: set[int] = set()
    for kill, pause in enumerate(np.random.default_rng(batch).uniform(0, longest, KILLS)):
        _killed(context.Process(target=_work, args=(store.location, 1_000 * kill, log)), log, pause)
        with open_gallery(store.location) as gallery:
            now_gone = _check(gallery, log)
        assert gone <= now_gone
        gone = now_gone
    assert gone
    captions = [f"caption of {seed:09d}/1".encode() for seed in sorted(gone)]
    pictures = [jpeg(3 * seed + 1)[-120:-80] for seed in sorted(gone)]
    assert files_with(store.files, [*captions, *pictures]) == set()
