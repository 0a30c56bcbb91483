"""An admin erases somebody with a receipt, adds videos and watches them, and reads the log."""

import json
from pathlib import Path

import pytest

from passerby.errors import NotInGalleryError
from passerby.gallery.gallery import open_gallery
from tests.serve.page.conftest import Looked
from tests.serve.servers import write_video

SLOW = 120_000


def test_somebody_is_erased_with_a_preview_and_a_receipt(looked: Looked) -> None:
    with open_gallery(looked.served.gallery) as gallery:
        person = gallery.identities()[0]
        before = len(gallery)
    page = looked.sign_in("admin", f"person/{person.number}")
    page.get_by_role("link", name="Erase…").click()
    page.get_by_role("heading", name="What would go").wait_for()
    assert page.locator("main .sighting").count() == len(person.tracklets)
    page.get_by_text("no page, picture or table outside of the gallery, that it knows of, shows the person").wait_for()
    page.get_by_text("videos, folders of “passerby track”, and copies").wait_for()
    page.get_by_role("button", name="Erase for ever").click()
    page.get_by_label("Why").fill("asked by letter of 3 May")
    page.get_by_role("button", name="Erase for ever").click()
    with open_gallery(looked.served.gallery) as gallery:
        assert len(gallery) == before, "not before it is confirmed"
    page.get_by_label("Erase this person for ever").check()
    page.get_by_role("button", name="Erase for ever").click()
    page.get_by_role("heading", name="Erased").wait_for()
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Save the receipt").click()
    receipt = json.loads(Path(downloaded.value.path()).read_text())
    assert (receipt["tracklets"], receipt["reason"]) == (len(person.tracklets), "asked by letter of 3 May")
    told = page.locator(".receipt").inner_text()
    assert receipt["pieces_hash"] in told
    assert "folders of “passerby track”" in told
    with open_gallery(looked.served.gallery) as gallery:
        with pytest.raises(NotInGalleryError):
            gallery.identity(person.number)
        assert len(gallery) == before - len(person.tracklets)


def test_whoever_is_held_is_not_erased(looked: Looked) -> None:
    with open_gallery(looked.served.gallery) as gallery:
        number = gallery.identities()[1].number
        gallery.hold(identity=number, reason="case 12")
    page = looked.sign_in("admin", f"erase/{number}")
    page.get_by_text("On hold").wait_for()
    assert page.get_by_role("button", name="Erase for ever").count() == 0


def test_a_video_is_sent_watched_and_another_one_stopped(looked: Looked, tmp_path: Path) -> None:
    page = looked.sign_in("admin", "videos")
    page.get_by_label("Video file").set_input_files(write_video(tmp_path / "front, door.mp4", 40))
    page.get_by_label("Camera").fill("door")
    page.get_by_role("button", name="Add the video").click()
    page.locator(".job h2", has_text="front_ door.mp4").wait_for()
    page.get_by_label("Video file").set_input_files(write_video(tmp_path / "long.mp4", 600))
    page.get_by_role("button", name="Add the video").click()
    page.get_by_role("button", name="Stop long.mp4").click()
    page.locator(".job.cancelled").wait_for(timeout=SLOW)
    page.locator(".job.done").wait_for(timeout=SLOW)
    assert "new sighting" in page.locator(".job.done").inner_text()
    looked.go("people")
    page.get_by_label("Seen by").select_option("door")


def test_reasons_are_asked_for_and_stand_in_the_log(looked: Looked) -> None:
    with open_gallery(looked.served.gallery) as gallery:
        gallery.ask_for_reasons(asked=True)
    try:
        page = looked.page
        page.goto(f"{looked.served.address}/#/people")
        page.get_by_label("Your key").fill(looked.served.keys["admin"])
        page.keyboard.press("Enter")
        page.get_by_label("Your reason").fill("lost child, née Ö")
        page.keyboard.press("Enter")
        page.locator(".person-card img").first.wait_for()
        page.reload()
        page.locator(".person-card").first.wait_for()
        looked.go("log/all")
        row = page.locator("tr", has_text="lost child, née Ö").first
        row.wait_for()
        assert "looked" in row.inner_text()
    finally:
        with open_gallery(looked.served.gallery) as gallery:
            gallery.ask_for_reasons(asked=False)


def test_the_log_tells_of_changes_and_takes_back_the_newest(looked: Looked) -> None:
    with open_gallery(looked.served.gallery, actor="bob") as gallery:
        number = gallery.identities()[0].number
        gallery.name(number, "Anna")
    page = looked.sign_in("admin", "log")
    row = page.locator("tr", has_text="bob").first
    row.get_by_role("button", name="Undo").click()
    page.locator("td", has_text="taken back").first.wait_for()
    with open_gallery(looked.served.gallery) as gallery:
        assert gallery.identity(number).name is None
    page.get_by_role("link", name="Everything").click()
    page.locator("tr", has_text="took a change back").first.wait_for()


@pytest.mark.parametrize("view", ["erase", "videos", "log", "log/all"])
def test_nothing_is_wider_than_a_phone(on_phone: Looked, view: str) -> None:
    page = on_phone.sign_in("admin", view)
    page.locator(".person-card, form, table").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
