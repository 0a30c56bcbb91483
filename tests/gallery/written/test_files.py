"""A page or picture that was written from a gallery goes with whom it shows; what users keep is named."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from passerby.errors import GalleryError
from passerby.gallery import restore_gallery
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.stores.sqlite import SqliteDatabase
from tests.gallery.people import MODEL, made_up
from tests.gallery.servers import Store


@pytest.fixture
def gallery(store: Store) -> Iterator[Gallery]:
    with open_gallery(store.location, create=True, actor="tester") as opened:
        opened.add(made_up(9))
        yield opened


@pytest.fixture
def folder_gallery(tmp_path: Path) -> Iterator[Gallery]:
    with open_gallery(tmp_path / "gallery", create=True, actor="tester") as opened:
        opened.add(made_up(9))
        yield opened


def write(gallery: Gallery, file: Path, *numbers: int, removable: bool = True, text: str = "people") -> Path:
    with gallery.handing_out({file: numbers}, action="report", reason="a test", removable=removable):
        file.write_text(text)
    return file


def test_a_page_is_removed_with_the_first_whom_it_shows(gallery: Gallery, tmp_path: Path) -> None:
    page, other = write(gallery, tmp_path / "page.html", 1, 2), write(gallery, tmp_path / "other.html", 3)
    receipt = gallery.erase([2, 5])
    assert (receipt.files_removed, receipt.files_left) == (1, [])
    assert (page.exists(), other.exists()) == (False, True)
    assert gallery.receipts() == [receipt]
    assert next((entry.action, entry.reason, entry.detail) for entry in gallery.log()) == (
        "report",
        "a test",
        {"tracklets": 2},
    )


def test_a_page_that_was_written_anew_without_somebody_stays(gallery: Gallery, tmp_path: Path) -> None:
    write(gallery, tmp_path / "page.html", 1, 2)
    page = write(gallery, tmp_path / "page.html", 3, text="others")
    assert gallery.erase([1, 2]).files_removed == 0
    assert page.exists()


def left_over(gallery: Gallery) -> list[str]:
    return [each.message for each in gallery.verify() if each.kind == "erasure"]


def test_what_was_changed_or_is_kept_is_named_until_it_is_gone(gallery: Gallery, tmp_path: Path) -> None:
    page, table = write(gallery, tmp_path / "page.html", 1), write(gallery, tmp_path / "t.csv", 1, removable=False)
    page.write_text("people, and a remark")
    receipt = gallery.erase([1])
    assert (receipt.files_removed, receipt.files_left) == (0, [str(page), str(table)])
    assert (page.exists(), table.exists()) == (True, True)
    found = left_over(gallery)
    assert [str(page) in found[0], str(table) in found[1], len(found)] == [True, True, 2]
    page.unlink()
    write(gallery, table, 2, removable=False)  # exported anew, without whom was erased
    assert gallery.erase([4]).files_left == []
    assert left_over(gallery) == []


def test_a_page_of_another_computer_is_named_with_it(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("platform.node", lambda: "office")
        page = write(gallery, tmp_path / "page.html", 1)
    assert gallery.erase([1]).files_left == [f"{page} on the computer office"]
    assert page.exists()


def write_and_erase(gallery: Gallery, page: Path) -> None:
    page.write_text("people")
    gallery.erase([2])


def test_who_is_erased_while_a_page_is_written_is_not_on_it(gallery: Gallery, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with (
        pytest.raises(GalleryError, match=r"page\.html: shows somebody who was erased meanwhile"),
        gallery.handing_out({page: [1, 2]}),
    ):
        write_and_erase(gallery, page)
    assert not page.exists()
    with pytest.raises(GalleryError, match="tracklet 2 was erased meanwhile"):
        write(gallery, page, 1, 2)
    assert not page.exists()


def killed(_: object) -> None:
    raise KeyboardInterrupt


def test_an_erasure_that_was_killed_before_pages_were_removed_is_finished_by_who_opens_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_gallery(tmp_path / "gallery", create=True) as opened:
        opened.add(made_up(3))
        page = write(opened, tmp_path / "page.html", 1)
        with monkeypatch.context() as patch:
            patch.setattr("passerby.gallery.erasure.erasing.clean", killed)
            with pytest.raises(KeyboardInterrupt):
                opened.erase([1])
    assert page.exists()
    with open_gallery(tmp_path / "gallery") as opened:
        assert not page.exists()
        assert left_over(opened) == []


def test_pages_are_known_after_a_backup_is_restored(folder_gallery: Gallery, tmp_path: Path) -> None:
    folder_gallery.backup(tmp_path / "safe")
    page = write(folder_gallery, tmp_path / "page.html", 1)
    folder_gallery.close()
    restore_gallery(tmp_path / "safe", tmp_path / "gallery")
    with open_gallery(tmp_path / "gallery") as opened:
        assert opened.erase([1]).files_removed == 1
    assert not page.exists()


def test_a_gallery_of_the_first_version_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from passerby.gallery import schema

    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        patch.setattr(schema, "VERSION", 1)
        (tmp_path / "gallery").mkdir()
        database = SqliteDatabase(tmp_path / "gallery")
        schema.prepare(database)
        database.close()
    with open_gallery(tmp_path / "gallery") as opened:
        opened.add(made_up(2))
        page = write(opened, tmp_path / "page.html", 1)
        assert opened.erase([1]).files_removed == 1
    assert not page.exists()


def lend(gallery: Gallery, folder: Path, *numbers: int) -> Path:
    gallery.lend_folder(folder, numbers, action="adapt", reason="a test")
    (folder / "deep").mkdir(exist_ok=True)
    (folder / "deep" / "face.jpg").write_bytes(b"somebody")
    return folder


def test_a_folder_to_work_in_goes_with_all_that_is_in_it(gallery: Gallery, tmp_path: Path) -> None:
    folder, other = lend(gallery, tmp_path / "one", 1, 2), lend(gallery, tmp_path / "two", 3)
    receipt = gallery.erase([2])
    assert (receipt.files_removed, receipt.files_left) == (1, [])
    assert (folder.exists(), other.exists()) == (False, True)
    assert (gallery.has_lent(folder), gallery.has_lent(other)) == (False, True)
    gallery.return_folder(other)
    assert not other.exists()
    assert not gallery.has_lent(other)
    assert gallery.erase([3]).files_removed == 0
    assert [entry.detail for entry in gallery.log() if entry.action == "adapt"] == [{"tracklets": 2}, {"tracklets": 1}]


def test_a_folder_of_somebody_else_in_its_place_is_named_and_stays(gallery: Gallery, tmp_path: Path) -> None:
    folder = lend(gallery, tmp_path / "one", 1)
    (folder / ".passerby-working-folder").unlink()
    assert gallery.erase([1]).files_left == [str(folder)]
    assert (folder / "deep" / "face.jpg").exists()
    with pytest.raises(GalleryError, match="tracklet 1 was erased meanwhile"):
        lend(gallery, tmp_path / "two", 1)


def test_tracklets_that_a_model_has_not_seen_are_known(gallery: Gallery) -> None:
    other = MODEL._replace(fingerprint="f" * 64)
    assert gallery.numbers_without(MODEL) == []
    assert gallery.numbers_without(other) == gallery.numbers()
    known = made_up(4)
    gallery.add([replace(each, crops=[], features={other: each.features[MODEL]}) for each in known[:2]])
    assert gallery.numbers_without(other) == gallery.numbers()[2:]
