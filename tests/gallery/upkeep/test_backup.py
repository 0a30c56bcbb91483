"""Backups are whole whatever others do meanwhile, and what was erased since stays erased when one comes back."""

import json
import multiprocessing
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from passerby.errors import GalleryError
from passerby.gallery.gallery import open_gallery, restore_gallery
from passerby.gallery.stores.sqlite import SqliteDatabase
from tests.gallery.erasure.test_erasing import files_with, texts_and_bytes, with_pictures
from tests.gallery.people import MODEL, made_up
from tests.gallery.servers import Store


def test_a_backup_brings_the_gallery_back_elsewhere(tmp_path: Path) -> None:
    tracklets = made_up(20)
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        gallery.add(tracklets)
        made = gallery.backup(tmp_path / "backup", reason="weekly")
        gallery.add(made_up(3, seed=1))
        expected = gallery.search(tracklets[4].features[MODEL].vector, count=30)
    assert made.tracklets == 20
    assert datetime.now(UTC) - datetime.fromisoformat(made.made) < timedelta(minutes=1)
    assert sorted(file.name for file in (tmp_path / "backup").iterdir()) == ["backup.json", "gallery.sqlite"]
    assert restore_gallery(tmp_path / "backup", tmp_path / "other").tracklets == 20
    with open_gallery(tmp_path / "other") as other:
        found = other.search(tracklets[4].features[MODEL].vector, count=30)
        assert [hit.tracklet.key for hit in found] == [
            hit.tracklet.key for hit in expected if not hit.tracklet.key.startswith("seed1")
        ]
        assert [each.action for each in other.log()] == ["backup", "restore", "search"]
        assert [each for each in other.verify() if each.kind != "picture"] == []


def test_what_was_erased_since_stays_erased_and_is_in_no_file(tmp_path: Path) -> None:
    tracklets = with_pictures(made_up(30))
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        gallery.add(tracklets)
        gallery.hold(tracklet=13, reason="released later")
        with gallery._database.writing() as transaction:
            transaction.run("INSERT INTO identities (name) VALUES ('Ermintrude')")
            transaction.run("UPDATE tracklets SET identity = 1 WHERE id IN (13, 15)")
        gallery.backup(tmp_path / "backup")
        gallery.release(1)
        gallery.hold(tracklet=9, reason="case 12")
        gallery.erase([13, 15], reason="on request")
        gallery.add(made_up(4, seed=1))
        restored = restore_gallery(tmp_path / "backup", tmp_path / "gallery", actor="anna")
        assert (restored.tracklets, restored.erased_again) == (28, 2)
        assert len(gallery.search(tracklets[0].features[MODEL].vector, count=99)) == 28
        assert [each.reason for each in gallery.holds()] == ["case 12"]
        assert len(gallery.receipts()) == 1
        assert [each.action for each in gallery.log()][-3:] == ["erase", "restore", "search"]
        assert gallery.add(tracklets) == (0, 28, 2)
        assert [each for each in gallery.verify() if each.kind != "picture"] == []
    for gone in (12, 14):
        assert files_with(tmp_path / "gallery", [b"Ermintrude", *texts_and_bytes(tracklets[gone])]) == set()
        assert files_with(tmp_path / "backup", texts_and_bytes(tracklets[gone])) == {"gallery.sqlite"}
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def _add_for_ever(folder: Path) -> None:
    with open_gallery(folder) as gallery:
        for seed in range(10_000):
            gallery.add(made_up(5, seed=seed))


def test_backups_made_while_another_process_adds_hold_whole_additions(tmp_path: Path) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        process = multiprocessing.get_context("spawn").Process(target=_add_for_ever, args=(tmp_path / "gallery",))
        process.start()
        try:
            while len(gallery) < 50:
                assert process.is_alive()
            counts = [gallery.backup(tmp_path / f"backup{number}").tracklets for number in range(3)]
        finally:
            process.kill()
            process.join()
    assert counts == sorted(counts)
    for number, count in enumerate(counts):
        assert count % 5 == 0
        assert count >= 50
        restore_gallery(tmp_path / f"backup{number}", tmp_path / f"restored{number}")
        with open_gallery(tmp_path / f"restored{number}") as restored:
            assert len(restored) == count
            assert {each.kind for each in restored.verify()} == {"picture"}


def _cut(backup: Path) -> None:
    file = backup / "gallery.sqlite"
    file.write_bytes(file.read_bytes()[:-100])


def _change(backup: Path) -> None:
    file = backup / "gallery.sqlite"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _rewrite(**changes: object) -> Callable[[Path], None]:
    def rewrite(backup: Path) -> None:
        file = backup / "backup.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return rewrite


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_cut, "is not as it was when the backup was made"),
        (_change, "is not as it was when the backup was made"),
        (lambda backup: (backup / "gallery.sqlite").unlink(), "is missing"),
        (lambda backup: (backup / "backup.json").unlink(), "cannot be read .*: name the folder of a backup"),
        (lambda backup: (backup / "backup.json").write_text("[1]"), "is no record of a backup"),
        (_rewrite(kind="cake"), "is no record of a backup"),
        (_rewrite(more=1), "is no record of a backup"),
        (_rewrite(tables=99), "was made by a newer passerby"),
    ],
)
def test_a_damaged_backup_is_refused_and_the_gallery_stays(
    tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        gallery.add(made_up(5))
        gallery.backup(tmp_path / "backup")
        gallery.add(made_up(7))
        damage(tmp_path / "backup")
        for folder in ("gallery", "new"):
            with pytest.raises(GalleryError, match=message) as caught:
                restore_gallery(tmp_path / "backup", tmp_path / folder)
            assert "\n" not in str(caught.value)
        assert len(gallery) == 7
    assert not (tmp_path / "new").exists()


def test_a_backup_of_another_gallery_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with open_gallery(tmp_path / name, create=True) as gallery:
            gallery.add(made_up(5))
            gallery.backup(tmp_path / f"backup-of-{name}")
    with pytest.raises(GalleryError, match="of another gallery"):
        restore_gallery(tmp_path / "backup-of-one", tmp_path / "two")


def test_a_folder_that_exists_takes_no_backup(tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        with pytest.raises(GalleryError, match="exists already"):
            gallery.backup(tmp_path / "backup")
        assert gallery.log() == []


def test_a_log_without_its_gallery_is_not_played_into_the_restored_one(tmp_path: Path) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        gallery.backup(tmp_path / "backup")
    (tmp_path / "gallery" / "gallery.sqlite").unlink()
    (tmp_path / "gallery" / "gallery.sqlite-wal").write_bytes(b"1")
    with pytest.raises(GalleryError, match="move it away too"):
        restore_gallery(tmp_path / "backup", tmp_path / "gallery")


def test_restoring_that_fails_in_between_leaves_the_gallery_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        gallery.add(made_up(5))
        gallery.backup(tmp_path / "backup")
        gallery.add(made_up(9))

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("passerby.gallery.upkeep.backup.write_entry", killed)
        with pytest.raises(KeyboardInterrupt):
            restore_gallery(tmp_path / "backup", tmp_path / "gallery")
        assert len(gallery) == 9


def test_a_backup_holds_all_tables(tmp_path: Path) -> None:
    """Every row of every table comes back, those of tables that others added too."""
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        gallery.add(made_up(6))
        gallery.hold(tracklet=2, reason="case")
        gallery.backup(tmp_path / "backup")
    restore_gallery(tmp_path / "backup", tmp_path / "gallery")
    rows = []
    for folder in ("backup", "gallery"):
        database = SqliteDatabase(tmp_path / folder, log=False)
        with database.reading() as transaction:
            names = [row[0] for row in transaction.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
            kept = [name for name in names if name not in {"settings", "audit", "sqlite_sequence"}]
            rows.append({name: transaction.rows(f"SELECT * FROM {name} ORDER BY rowid") for name in kept})
        database.close()
    assert rows[0] == rows[1]


def test_a_gallery_on_a_server_is_backed_up_by_the_server(postgres_store: Store, tmp_path: Path) -> None:
    with (
        open_gallery(postgres_store.location, create=True) as gallery,
        pytest.raises(GalleryError, match="pg_dump"),
    ):
        gallery.backup(tmp_path / "backup")
