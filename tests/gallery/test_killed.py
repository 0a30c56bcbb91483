"""A process that is killed while it adds and erases: what it acknowledged holds, and nothing is half there."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np

from passerby.gallery.gallery import open_gallery
from tests.gallery.people import MODEL, made_up
from tests.gallery.servers import Store

KILLS = int(os.environ.get("PASSERBY_KILLS", "3"))
"""How often; 200 and more tell more."""


def _add_and_erase(location: str, first: int, log: Path) -> None:
    """Three tracklets of each seed come, and the second of them goes; each step is logged when it is acknowledged."""
    with open_gallery(location) as gallery, log.open("a", buffering=1) as acknowledged:
        for seed in range(first, first + 10_000):
            gallery.add(made_up(3, seed=seed))
            acknowledged.write(f"added {seed}\n")
            query = made_up(3, seed=seed)[1].features[MODEL].vector
            number = next(
                hit.tracklet.number for hit in gallery.search(query, count=9) if hit.tracklet.key == f"seed{seed}/1"
            )
            gallery.erase([number])
            acknowledged.write(f"erased {seed}\n")


def test_what_was_acknowledged_is_added_and_erased_after_kills(store: Store, tmp_path: Path) -> None:
    open_gallery(store.location, create=True).close()
    log = tmp_path / "acknowledged"
    pauses = np.random.default_rng(5).uniform(0, 2, KILLS)
    for kill, pause in enumerate(pauses):
        before = log.stat().st_size if log.exists() else 0
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=_add_and_erase, args=(store.location, 10_000 * kill, log))
        process.start()
        while not log.exists() or log.stat().st_size == before:
            assert process.is_alive()
            time.sleep(0.005)
        time.sleep(pause)
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        done = [line.split() for line in log.read_text().splitlines()]
        with open_gallery(store.location) as gallery:
            assert {each.kind for each in gallery.verify()} <= {"picture"}
            found = gallery.search(made_up(1)[0].features[MODEL].vector, count=10**6)
        keys = {hit.tracklet.key for hit in found}
        assert {f"seed{seed}/{place}" for what, seed in done if what == "added" for place in (0, 2)} <= keys
        assert not {f"seed{seed}/1" for what, seed in done if what == "erased"} & keys
        assert all({f"{key.split('/')[0]}/0", f"{key.split('/')[0]}/2"} <= keys for key in keys)
