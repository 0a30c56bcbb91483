"""Backups are whole whatever others do meanwhile, and what was erased since stays erased when one comes back."""

import json
import multiprocessing
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from passerby.cli import app
from passerby.errors import GalleryError
from passerby.gallery.gallery import Gallery, open_gallery, restore_gallery
from passerby.gallery.records import NewTracklet
from passerby.gallery.schema import read_setting
from passerby.gallery.stores.sqlite import SqliteDatabase
from passerby.gallery.upkeep.erasure_list import write_list
from tests.gallery.erasure.test_erasing import files_with, texts_and_bytes, with_pictures
from tests.gallery.people import MODEL, MORNING, made_up
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


def erased_later(tmp_path: Path) -> list[NewTracklet]:
    """A gallery with a backup, made before two people were erased; a newer one, and a list, know of it."""
    tracklets = with_pictures(made_up(30))
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        gallery.add(tracklets)
        with gallery._database.writing() as transaction:
            transaction.run("INSERT INTO identities (name) VALUES ('Ermintrude')")
            transaction.run("UPDATE tracklets SET identity = 1 WHERE id IN (13, 15)")
        gallery.backup(tmp_path / "old")
        gallery.erase([13, 15], reason="on request")
        write_list(gallery.erasure_list(), tmp_path / "erasures.json")
        gallery.backup(tmp_path / "new")
    return tracklets


@pytest.mark.parametrize("known_by", ["gallery", "new", "erasures.json"])
def test_what_others_know_to_be_erased_does_not_come_back_into_a_new_folder(tmp_path: Path, known_by: str) -> None:
    tracklets = erased_later(tmp_path)
    before = (tmp_path / "new" / "gallery.sqlite").read_bytes()
    restored = restore_gallery(tmp_path / "old", tmp_path / "other", erased_since=[tmp_path / known_by])
    assert (restored.tracklets, restored.erased_again) == (28, 2)
    assert datetime.now(UTC) - datetime.fromisoformat(restored.erasures_known_until) < timedelta(minutes=1)
    pieces = [b"Ermintrude", *texts_and_bytes(tracklets[12]), *texts_and_bytes(tracklets[14])]
    assert files_with(tmp_path / "other", pieces) == set()
    with open_gallery(tmp_path / "other") as other:
        assert other.add(tracklets) == (0, 28, 2)
        assert other.identities() == []
        assert [each for each in other.verify() if each.kind != "picture"] == []
    assert (tmp_path / "new" / "gallery.sqlite").read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_without_that_it_is_told_up_to_when_erasures_are_known(tmp_path: Path) -> None:
    erased_later(tmp_path)
    restored = restore_gallery(tmp_path / "old", tmp_path / "other")
    assert (restored.tracklets, restored.erased_again) == (30, 0)
    assert restored.erasures_known_until == json.loads((tmp_path / "old" / "backup.json").read_text())["made"]
    with open_gallery(tmp_path / "other") as other:
        receipt = other.erase_again([tmp_path / "erasures.json"], reason="after the fire")
        assert receipt is not None
        assert receipt.tracklets == 2
        assert other.erase_again([tmp_path / "gallery"]) is None


def test_a_list_brings_no_personal_data_and_those_of_others_are_refused(tmp_path: Path) -> None:
    tracklets = erased_later(tmp_path)
    text = (tmp_path / "erasures.json").read_bytes()
    assert not any(piece in text for each in tracklets for piece in (each.key.encode(), each.video.encode()))
    with open_gallery(tmp_path / "gallery") as gallery:
        secret = read_setting_of(gallery, "secret")
    assert secret
    assert secret.encode() not in text
    with open_gallery(tmp_path / "stranger", create=True) as stranger:
        stranger.add(made_up(3))
        with pytest.raises(GalleryError, match="of another gallery"):
            stranger.erase_again([tmp_path / "erasures.json"])
        write_list(stranger.erasure_list(), tmp_path / "others.json")
    (tmp_path / "cake.json").write_text("{}")
    (tmp_path / "cut.json").write_bytes(text[:-40])
    for place, message in (
        ("others.json", "of another gallery"),
        ("stranger", "of another gallery"),
        ("cake.json", "is no list of erasures"),
        ("cut.json", "is no list of erasures"),
        ("nowhere", "there is no gallery"),
    ):
        for folder in ("gallery", "fresh"):
            with pytest.raises(GalleryError, match=message) as caught:
                restore_gallery(tmp_path / "old", tmp_path / folder, erased_since=[tmp_path / place])
            assert "\n" not in str(caught.value)
    assert not (tmp_path / "fresh").exists()
    with open_gallery(tmp_path / "gallery") as gallery:
        assert len(gallery) == 28


def read_setting_of(gallery: Gallery, key: str) -> str | None:
    with gallery._database.reading() as transaction:
        return read_setting(transaction, key)


def test_a_backup_says_what_it_keeps(tmp_path: Path) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        empty = gallery.backup(tmp_path / "empty")
        gallery.add(made_up(5))
        gallery.identify(threshold=0.5)
        identities = len(gallery.identities())
        made = gallery.backup(tmp_path / "backup")
    said = json.loads((tmp_path / "backup" / "backup.json").read_text())
    assert (empty.tracklets, empty.filmed_from, empty.filmed_to) == (0, None, None)
    assert (said["tracklets"], said["crops"], said["features"], said["identities"]) == (5, 10, 5, identities)
    assert said["filmed_from"] == MORNING.isoformat()
    assert said["filmed_to"] == (MORNING + timedelta(seconds=100)).isoformat()
    assert "not encrypted" in said["keeps"]
    assert made.gallery == empty.gallery == said["gallery"]


def test_a_gallery_on_a_server_that_came_back_from_a_dump_is_erased_again(
    postgres_store: Store, tmp_path: Path
) -> None:
    tracklets = with_pictures(made_up(9))
    with open_gallery(postgres_store.location, create=True) as gallery:
        gallery.add(tracklets)
        gallery.erase([4])
        write_list(gallery.erasure_list(), tmp_path / "erasures.json")
        with gallery._database.writing() as transaction:  # as a dump that was made before does
            transaction.run("DELETE FROM erased")
        gallery.add(tracklets)
        receipt = gallery.erase_again([tmp_path / "erasures.json"])
        assert receipt is not None
        assert receipt.tracklets == 1
        assert gallery.add(tracklets) == (0, 8, 1)


def test_the_commands_say_what_comes_back(tmp_path: Path) -> None:
    erased_later(tmp_path)

    def run(*arguments: object) -> str:
        done = CliRunner().invoke(app, ["gallery", *map(str, arguments)])
        assert done.exit_code == 0, done.exception
        return done.stdout

    shown = run("erasures", tmp_path / "gallery", "-o", tmp_path / "again.json")
    assert "on request" in shown
    assert json.loads((tmp_path / "again.json").read_text())["hashes"]
    told = run("restore", tmp_path / "old", "-o", tmp_path / "one", "--erased-since", tmp_path / "again.json")
    assert "2 of the backup's were erased since it was made, and stay erased." in told.replace("\n", " ")
    assert "Erasures are known until" in told
    assert json.loads(run("restore", tmp_path / "old", "-o", tmp_path / "two", "--json"))["erased_again"] == 0
    assert "Erased 2 tracklets" in run("erase", tmp_path / "two", "--erased-since", tmp_path / "new")
    assert "Nothing that was erased is there." in run("erase", tmp_path / "two", "--erased-since", tmp_path / "new")
    assert "not encrypted" in run("backup", tmp_path / "two", tmp_path / "third")


def test_nothing_is_written_into_the_folder_of_a_gallery(tmp_path: Path) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        for place in ("backup", "deeper/backup"):
            with pytest.raises(GalleryError, match="lies in the folder of a gallery"):
                gallery.backup(tmp_path / "gallery" / place)
        with pytest.raises(GalleryError, match="lies in the folder of a gallery"):
            write_list(gallery.erasure_list(), tmp_path / "gallery" / "erasures.json")
        assert gallery.verify() == []
