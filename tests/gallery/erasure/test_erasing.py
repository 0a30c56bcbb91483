"""What was erased is in no file any more, does not come back, and is proven gone without saying who it was."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from passerby.errors import GalleryError
from passerby.gallery.audit import broken_entries
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.records import Crop, NewTracklet
from passerby.gallery.stores.postgres import PostgresDatabase
from passerby.gallery.stores.sqlite import SqliteDatabase
from tests.gallery.people import MODEL, made_up
from tests.gallery.servers import Store


def with_pictures(tracklets: list[NewTracklet]) -> list[NewTracklet]:
    """Pictures that begin alike, as those of one camera do, and are of their own after that."""
    generator = np.random.default_rng(1)
    head = bytes(generator.integers(0, 256, 600, dtype=np.uint8))
    return [
        replace(
            each,
            key=f"entrance.mp4@2026-03-01T08:00:00Z#{number:05d}",
            caption=f"somebody with the number {number:05d} on the shirt",
            crops=[Crop(frame, head + bytes(generator.integers(0, 256, 6_000, dtype=np.uint8))) for frame in range(2)],
        )
        for number, each in enumerate(tracklets)
    ]


@pytest.fixture
def gallery(store: Store) -> Iterator[Gallery]:
    with open_gallery(store.location, create=True, actor="tester") as opened:
        yield opened


@pytest.fixture
def folder_gallery(tmp_path: Path) -> Iterator[Gallery]:
    with open_gallery(tmp_path / "gallery", create=True, actor="tester") as opened:
        yield opened


def texts_and_bytes(tracklet: NewTracklet) -> list[bytes]:
    feature = tracklet.features[MODEL]
    assert feature.halves is not None
    vectors = [array.astype("<f2").tobytes() for array in (feature.vector, *feature.halves)]
    pictures = [crop.jpeg[start : start + 40] for crop in tracklet.crops for start in range(700, 5_900, 400)]
    return [tracklet.key.encode(), (tracklet.caption or "").encode(), *vectors, *pictures]


def files_with(folder: Path, wanted: list[bytes]) -> set[str]:
    return {
        file.name
        for file in folder.rglob("*")
        if file.is_file()
        for content in [file.read_bytes()]
        if any(each in content for each in wanted)
    }


def test_one_of_500_people_is_in_no_file_after_being_erased(gallery: Gallery, store: Store) -> None:
    tracklets = with_pictures(made_up(500))
    gallery.add(tracklets)
    gallery.search(tracklets[123].features[MODEL].vector)
    assert files_with(store.files, texts_and_bytes(tracklets[123]))
    receipt = gallery.erase([124], reason="on request")
    assert files_with(store.files, texts_and_bytes(tracklets[123])) == set()
    assert (receipt.tracklets, receipt.crops, receipt.features) == (1, 2, 1)
    assert receipt.pieces_searched > 40
    assert gallery.receipts() == [receipt]
    assert len(gallery) == 499
    assert all(hit.tracklet.number != 124 for hit in gallery.search(tracklets[123].features[MODEL].vector, count=499))
    with pytest.raises(GalleryError, match="no tracklet 124: it was never added, or is erased"):
        gallery.get([124])
    for other in (122, 124):
        assert files_with(store.files, texts_and_bytes(tracklets[other]))


def test_the_erased_is_not_added_again_with_its_video(gallery: Gallery) -> None:
    tracklets = made_up(3)
    gallery.add(tracklets)
    gallery.erase([2])
    assert gallery.add(tracklets) == (0, 2, 1)
    assert len(gallery) == 2


def test_a_hold_keeps_a_tracklet_until_it_is_released(gallery: Gallery) -> None:
    gallery.add(made_up(3))
    number = gallery.hold(tracklet=2, reason="case 12")
    with pytest.raises(GalleryError, match="tracklet 2 is under a legal hold: nothing was erased"):
        gallery.erase([1, 2])
    assert len(gallery) == 3
    gallery.hold(tracklet=1, reason="case 11", until=datetime.now(UTC) - timedelta(days=1))
    gallery.release(number)
    gallery.erase([1, 2])
    assert len(gallery) == 1


def test_retention_erases_what_is_old_and_not_held(gallery: Gallery) -> None:
    recent = datetime.now(UTC) - timedelta(hours=1)
    old, held, new, undated = made_up(4)
    gallery.add([old, held, replace(new, taken_from=recent, taken_to=recent)])
    gallery.add([replace(undated, taken_from=None, taken_to=None)])
    gallery.hold(tracklet=2, reason="case 12")
    with pytest.raises(GalleryError, match="nobody has said"):
        gallery.retain()
    receipt = gallery.retain(3)
    assert receipt
    assert receipt.tracklets == 1
    assert [each.number for each in gallery.get([2, 3, 4])] == [2, 3, 4]
    assert gallery.retain() is None


def test_what_has_become_too_old_goes_when_the_gallery_is_opened(store: Store) -> None:
    recent = datetime.now(UTC) - timedelta(hours=1)
    old, other, new = made_up(3)
    with open_gallery(store.location, create=True) as gallery:
        gallery.add([replace(new, taken_from=recent, taken_to=recent)])
        gallery.retain(3)
        gallery.add([old, other])
    with open_gallery(store.location) as gallery:
        assert [receipt.tracklets for receipt in gallery.receipts()] == [2]
        assert len(gallery) == 1
    with open_gallery(store.location) as gallery:
        assert len(gallery.receipts()) == 1


def test_an_erasure_that_was_cut_off_before_the_files_were_clean_is_finished_when_the_gallery_is_opened(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracklets = with_pictures(made_up(50))
    with open_gallery(store.location, create=True) as gallery, monkeypatch.context() as patch:
        gallery.add(tracklets)

        def killed(_: object) -> None:
            raise KeyboardInterrupt

        for database in (SqliteDatabase, PostgresDatabase):
            patch.setattr(database, "purge", killed)
        with pytest.raises(KeyboardInterrupt):
            gallery.erase([8])
        assert files_with(store.files, texts_and_bytes(tracklets[7]))
        patch.undo()
        with open_gallery(store.location):
            assert files_with(store.files, texts_and_bytes(tracklets[7])) == set()
        (receipt,) = gallery.receipts()
        assert (receipt.tracklets, receipt.crops, receipt.files_searched) == (1, 2, 0)
        assert gallery.erase([9]).files_searched > 0
        assert [each.kind for each in gallery.verify() if each.kind != "picture"] == []


def test_whoever_cleans_leaves_what_others_delete_meanwhile_to_be_cleaned(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracklets = with_pictures(made_up(20))
    with open_gallery(store.location, create=True) as one, open_gallery(store.location) as other:
        one.add(tracklets)
        purge = type(one._database).purge

        def meanwhile(database: SqliteDatabase | PostgresDatabase) -> None:
            purge(database)  # type: ignore[arg-type]
            monkeypatch.setattr(type(database), "purge", killed)
            with pytest.raises(KeyboardInterrupt):
                other.erase([8])

        def killed(_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(type(one._database), "purge", meanwhile)
        one.erase([3])
        monkeypatch.undo()
        assert files_with(store.files, texts_and_bytes(tracklets[2])) == set()
        with open_gallery(store.location):
            assert files_with(store.files, texts_and_bytes(tracklets[7])) == set()
        assert len(one.receipts()) == 2


def test_a_copy_beside_the_gallery_is_found_and_named(folder_gallery: Gallery, tmp_path: Path) -> None:
    tracklets = with_pictures(made_up(5))
    folder_gallery.add(tracklets)
    (tmp_path / "gallery" / "old-page.html").write_bytes(b"<p>" + texts_and_bytes(tracklets[1])[1])
    with pytest.raises(GalleryError, match=r"old-page\.html: still holds a name of what was erased"):
        folder_gallery.erase([2])
    assert len(folder_gallery) == 4
    (receipt,) = folder_gallery.receipts()
    assert [Path(file).name for file in receipt.files_left] == ["old-page.html"]


def test_pictures_that_an_index_at_work_keeps_are_told_apart_from_leftovers(
    folder_gallery: Gallery, tmp_path: Path
) -> None:
    tracklets = with_pictures(made_up(5))
    folder_gallery.add(tracklets)
    work = tmp_path / "gallery" / "tracking-0123"
    work.mkdir()
    (work / "crop.jpg").write_bytes(tracklets[1].crops[0].jpeg)
    with pytest.raises(GalleryError, match=r"crop\.jpg: still holds a picture .* goes when `passerby index` ends"):
        folder_gallery.erase([2])
    (receipt,) = folder_gallery.receipts()
    assert [Path(file).name for file in receipt.files_left] == ["crop.jpg"]
    assert len(folder_gallery) == 4


def test_the_log_names_nobody_and_shows_tampering(folder_gallery: Gallery, tmp_path: Path) -> None:
    tracklets = made_up(5)
    folder_gallery.add(tracklets)
    folder_gallery.search(tracklets[0].features[MODEL].vector, reason="lost child")
    folder_gallery.erase([1], reason="on request")
    entries = folder_gallery.log()
    assert [(each.action, each.actor, each.reason) for each in entries] == [
        ("search", "tester", "lost child"),
        ("erase", "tester", "on request"),
    ]
    assert tracklets[0].key not in str(entries)
    database = SqliteDatabase(tmp_path / "gallery")
    with database.reading() as transaction:
        assert broken_entries(transaction) == []
    with sqlite3.connect(tmp_path / "gallery" / "gallery.sqlite") as connection:
        connection.execute("UPDATE audit SET reason = 'curiosity' WHERE id = 1")
    with database.reading() as transaction:
        assert broken_entries(transaction) == [1]
    with sqlite3.connect(tmp_path / "gallery" / "gallery.sqlite") as connection:
        connection.execute("DELETE FROM audit WHERE id = 1")
    with database.reading() as transaction:
        assert broken_entries(transaction) == [2]
    database.close()


def test_what_is_written_after_an_erasure_lasts_while_another_process_comes_and_goes(tmp_path: Path) -> None:
    """Searching SQLite's files for remains must not take the locks away by which others know that they are in use."""
    look = "import passerby.gallery.gallery as g, sys\nwith g.open_gallery(sys.argv[1]) as o: print(len(o.log()))"

    def entries() -> int:
        command = [sys.executable, "-c", look, str(tmp_path / "gallery")]
        return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)

    with open_gallery(tmp_path / "gallery", create=True, actor="tester") as gallery:
        gallery.add(with_pictures(made_up(3)))
        numbers = gallery.numbers()
        gallery.erase(numbers[:1], reason="asked for")
        before = entries()
        gallery.hold(tracklet=numbers[1], reason="case 12")
        assert entries() == before + 1
    assert entries() == before + 1
