"""Tracklets are stored, found and filtered as a plain loop over all of them would do it."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import GalleryError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.records import Feature, ModelKey, NewTracklet
from passerby.gallery.search import Filters
from tests.gallery.people import MODEL, MORNING, made_up, unit
from tests.gallery.servers import Store


@pytest.fixture
def gallery(store: Store) -> Iterator[Gallery]:
    with open_gallery(store.location, create=True, actor="tester") as opened:
        yield opened


def test_what_was_added_is_there_when_the_gallery_is_opened_again(store: Store) -> None:
    tracklets = made_up(5)
    with open_gallery(store.location, create=True) as gallery:
        assert gallery.add(tracklets) == (5, 0, 0)
    with open_gallery(store.location) as gallery:
        assert len(gallery) == 5
        assert gallery.models() == [MODEL]
        for number, given_ in enumerate(tracklets, start=1):
            (kept,) = gallery.get([number])
            for name in ("key", "camera", "video", "begins", "ends", "taken_from", "frames", "height", "caption"):
                assert getattr(kept, name) == getattr(given_, name)
            assert gallery.crops(number) == list(given_.crops)


def test_adding_again_changes_nothing(gallery: Gallery) -> None:
    gallery.add(made_up(4))
    assert gallery.add(made_up(6)) == (2, 4, 0)
    assert len(gallery) == 6


def test_a_second_model_may_be_added_to_tracklets_that_are_there(gallery: Gallery) -> None:
    gallery.add(made_up(4))
    other = ModelKey("b" * 64, "other", 8)
    assert gallery.add(made_up(4, model=other)) == (0, 4, 0)
    assert gallery.models() == [MODEL, other]
    query = made_up(4, model=other)[2].features[other].vector
    assert gallery.search(query, model=other, count=1)[0].tracklet.number == 3
    with pytest.raises(GalleryError, match="made-up, other: say which"):
        gallery.search(query)


def brute_force(tracklets: list[NewTracklet], query: np.ndarray, filters: Filters) -> list[str]:
    scored = []
    for place, each in enumerate(tracklets):
        assert each.taken_from
        assert each.taken_to
        passes = (
            (filters.cameras is None or each.camera in filters.cameras)
            and (filters.since is None or each.taken_to >= filters.since)
            and (filters.until is None or each.taken_from <= filters.until)
            and each.height >= filters.min_height
            and np.float32(each.visible) >= filters.min_visible
        )
        if passes:
            kept = each.features[MODEL].vector.astype(np.float16).astype(np.float64)
            scored.append((-float(kept @ query), place, each.key))
    return [key for _, _, key in sorted(scored)]


@settings(max_examples=40, deadline=None)
@given(
    cameras=st.none() | st.sets(st.sampled_from(["cam0", "cam1", "cam2"]), min_size=1),
    since=st.none() | st.integers(0, 900),
    until=st.none() | st.integers(0, 900),
    min_height=st.floats(0, 200),
    min_visible=st.floats(0, 1, width=32),
    count=st.integers(1, 100),
)
def test_a_search_with_any_filter_finds_what_a_loop_finds(
    tmp_path_factory: pytest.TempPathFactory,
    cameras: set[str] | None,
    since: int | None,
    until: int | None,
    min_height: float,
    min_visible: float,
    count: int,
) -> None:
    filters = Filters(
        cameras=None if cameras is None else sorted(cameras),
        since=None if since is None else MORNING + timedelta(seconds=since),
        until=None if until is None else MORNING + timedelta(seconds=until),
        min_height=float(np.float32(min_height)),
        min_visible=min_visible,
    )
    tracklets = [replace(each, height=float(np.float32(each.height))) for each in made_up(80)]
    query = unit(np.random.default_rng(count).standard_normal(MODEL.dim))
    with open_gallery(tmp_path_factory.mktemp("gallery"), create=True) as gallery:
        gallery.add(tracklets)
        found = [hit.tracklet.key for hit in gallery.search(query, filters=filters, count=count)]
    assert found == brute_force(tracklets, query, filters)[:count]


def test_tracklets_that_others_add_meanwhile_are_found(store: Store) -> None:
    tracklets = made_up(30)
    query = tracklets[25].features[MODEL].vector
    with open_gallery(store.location, create=True) as reader, open_gallery(store.location) as writer:
        writer.add(tracklets[:20])
        assert len(reader.search(query, count=100)) == 20
        writer.add(tracklets[20:])
        found = reader.search(query, count=100)
        assert len(found) == 30
        assert found[0].tracklet.key == tracklets[25].key


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": ""}, "its key is empty"),
        ({"caption": "a\0b"}, "its caption holds a zero character"),
        ({"ends": -1.0}, "begins at 10.0 and ends at -1.0"),
        ({"ends": float("nan")}, "ends at nan"),
        ({"taken_to": None}, "only one of taken_from and taken_to"),
        ({"height": 0.0}, "height above 0"),
        ({"visible": 1.5}, "visible share from 0 to 1"),
        ({"taken_from": MORNING.replace(tzinfo=None), "taken_to": MORNING.replace(tzinfo=None)}, "needs a time zone"),
        ({"features": {MODEL: Feature(np.full(16, np.nan, np.float32))}}, "not finite"),
        ({"features": {MODEL: Feature(np.ones(16, np.float32))}}, "not of length 1"),
        ({"features": {MODEL: Feature(unit(np.ones(8)))}}, r"has shape \[8\], but made-up gives \[16\]"),
    ],
)
def test_a_tracklet_that_cannot_be_stored_is_refused_and_none_of_the_others_is_stored(
    gallery: Gallery, change: dict[str, object], message: str
) -> None:
    good, bad = made_up(2)
    with pytest.raises(GalleryError, match=message):
        gallery.add([good, replace(bad, **change)])
    assert len(gallery) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"not a database" * 100, "no SQLite file"), (b"SQLite format 3\0" + b"\1" * 500, "is damaged|no SQLite file")],
)
def test_a_file_that_is_no_gallery_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "gallery.sqlite").write_bytes(content)
    with pytest.raises(GalleryError, match=message):
        open_gallery(tmp_path)
    assert (tmp_path / "gallery.sqlite").read_bytes() == content


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("version", "99", "newer passerby"), ("kind", "a cookery book", "holds a database that is no gallery")],
)
def test_a_gallery_of_a_newer_version_or_another_database_is_refused_and_left_as_it_is(
    store: Store, key: str, value: str, message: str
) -> None:
    with open_gallery(store.location, create=True) as gallery:
        gallery.add(made_up(3))
        for create in (False, True):
            with gallery._database.writing() as transaction:
                before = transaction.rows("SELECT value FROM settings WHERE key = ?", (key,))[0][0]
                transaction.run("UPDATE settings SET value = ? WHERE key = ?", (value, key))
            with pytest.raises(GalleryError, match=message) as caught:
                open_gallery(store.location, create=create)
            assert "\n" not in str(caught.value)
            with gallery._database.writing() as transaction:
                transaction.run("UPDATE settings SET value = ? WHERE key = ?", (before, key))
    with open_gallery(store.location) as gallery:
        assert len(gallery) == 3


def test_a_missing_gallery_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="there is no gallery"):
        open_gallery(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def _write(location: str, seeds: range) -> None:
    with open_gallery(location) as gallery:
        for seed in seeds:
            gallery.add(made_up(4, seed=seed))


def _read(location: str, until: int) -> None:
    """Count upwards only, in whole additions, until all are there."""
    query, seen = made_up(1)[0].features[MODEL].vector, 0
    with open_gallery(location) as gallery:
        while seen < until:
            found = len(gallery.search(query, count=10**6)) if len(gallery) else 0
            assert found >= seen
            assert found % 4 == 0
            seen = found


def test_two_writers_and_eight_readers_work_at_once(store: Store) -> None:
    open_gallery(store.location, create=True).close()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    processes = [context.Process(target=_write, args=(store.location, range(first, 40, 2))) for first in (0, 1)]
    processes += [context.Process(target=_read, args=(store.location, 160)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
    assert [process.exitcode for process in processes] == [0] * 10
    with open_gallery(store.location) as gallery:
        assert len(gallery) == 160


def test_both_stores_give_the_same_ranking(tmp_path: Path, postgres_store: Store) -> None:
    tracklets = made_up(200)
    queries = [tracklets[place].features[MODEL].vector for place in (0, 7, 150)]
    filters = [Filters(), Filters(cameras=["cam1"], min_height=90), Filters(since=MORNING + timedelta(seconds=500))]
    found = []
    for location in (tmp_path / "gallery", postgres_store.location):
        with open_gallery(location, create=True) as gallery:
            gallery.add(tracklets)
            found.append([gallery.search(query, filters=each, count=50) for query in queries for each in filters])
    assert [[(hit.tracklet.key, hit.score) for hit in hits] for hits in found[0]] == [
        [(hit.tracklet.key, hit.score) for hit in hits] for hits in found[1]
    ]
