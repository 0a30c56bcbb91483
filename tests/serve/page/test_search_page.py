"""Somebody who never saw a terminal signs in and finds people by a picture and by a sentence."""

from typing import Any

import pytest

from tests.serve.page.conftest import Looked
from tests.serve.page.drawn_people import crop_of, jpeg, png, street


def picture(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": content}


def named(page: Any) -> list[str]:
    return [each.inner_text().split("\n")[0] for each in page.locator(".hit h2").all()]


def test_a_key_opens_the_page_and_a_wrong_one_is_told_of(looked: Looked) -> None:
    page = looked.page
    looked.expected.append("401")
    page.goto(looked.served.address)
    page.get_by_label("Your key").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_text("This key is not known").wait_for()
    page.get_by_label("Your key").fill(looked.served.keys["viewer"])
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Who are you looking for?").wait_for()
    assert page.evaluate("document.cookie") == "", "scripts cannot read what lets the page in"
    views = page.locator("nav a").all_inner_texts()
    assert "Search" in views
    assert "Erase" not in views, "a viewer may not"
    page.reload()
    page.get_by_role("heading", name="Who are you looking for?").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Your key").wait_for()


def test_of_several_people_in_a_photo_one_is_chosen(looked: Looked) -> None:
    page = looked.sign_in("viewer")
    page.set_input_files("#picture", picture("street.png", png(street([3, 7, 2]))))
    page.get_by_role("heading", name="3 people are in this picture").wait_for()
    assert page.locator(".hit").count() == 0, "nobody was chosen yet"
    page.locator(".person-box").nth(2).click()
    page.get_by_role("heading", name="Looking for person 3").wait_for()
    assert "the same person" in page.locator(".hit").first.inner_text()
    assert page.locator(".hit .sure b").first.inner_text().endswith("%")
    assert page.locator(".photo.blurred").count() == 1
    (first, *_) = named(page)
    page.locator(".person-box").nth(0).click()
    page.get_by_role("heading", name="Looking for person 1").wait_for()
    assert named(page)[0] != first


DROP = """([content, name]) => {
    const files = new DataTransfer();
    files.items.add(new File([Uint8Array.from(content)], name, { type: "image/png" }));
    for (const kind of ["dragover", "drop"]) {
        const told = { dataTransfer: files, bubbles: true, cancelable: true };
        document.querySelector("main").dispatchEvent(new DragEvent(kind, told));
    }
}"""


def test_a_picture_is_dropped_anywhere_also_over_another(looked: Looked) -> None:
    page = looked.sign_in("viewer")
    page.locator(".drop").wait_for()
    page.evaluate(DROP, [list(png(street([3, 7]))), "two.png"])
    page.get_by_role("heading", name="2 people are in this picture").wait_for()
    page.evaluate(DROP, [list(png(street([3, 7, 2]))), "three.png"])
    page.get_by_role("heading", name="3 people are in this picture").wait_for()
    assert page.locator(".chosen span").inner_text() == "three.png"
    looked.go("people")
    page.locator(".person-card").first.wait_for()
    with page.expect_response("**/v1/gallery"):
        looked.go("search")
    page.get_by_role("heading", name="3 people are in this picture").wait_for()


def test_where_nobody_is_found_the_whole_picture_may_be_the_person(looked: Looked) -> None:
    page = looked.sign_in("viewer")
    looked.expected.append("422")
    page.set_input_files("#picture", picture("one.jpg", jpeg(crop_of(2, 1))))
    page.get_by_text("Nobody was found in this picture.", exact=True).wait_for()
    page.get_by_role("button", name="Search with the whole picture").click()
    page.locator(".hit").first.wait_for()
    assert "gate" in page.locator(".hit").first.inner_text()
    page.get_by_role("button", name="Another picture").click()
    page.set_input_files("#picture", picture("page.png", b"<html>"))
    page.get_by_text("page.png cannot be read").wait_for()
    page.locator(".chosen img").wait_for(state="detached")
    page.wait_for_timeout(200)
    assert page.get_by_role("button", name="Search with the whole picture").count() == 0, "it is no picture"


def test_a_sentence_finds_and_filters_narrow(looked: Looked) -> None:
    page = looked.sign_in("viewer")
    page.get_by_label("A sentence about the person").fill("a person in a red jacket")
    page.get_by_role("button", name="Search").click()
    page.locator(".hit").first.wait_for()
    assert "the sentence" in page.locator(".verdict").inner_text()
    page.get_by_text("Narrow down").click()
    with page.expect_response("**/v1/search"):
        page.locator(".chip", has_text="hall").click()
    page.locator(".hit", has_text="gate").first.wait_for(state="detached")
    assert set(page.locator(".hit .caption b").all_inner_texts()) == {"hall"}
    with page.expect_response("**/v1/search"):
        page.get_by_label("Seen after").fill("2030-01-01T00:00:00")
        page.keyboard.press("Tab")
    page.locator(".plate", has_text="Nobody was found.").wait_for()
    assert page.get_by_text("Narrow down (2 in use)").is_visible()


def test_somebody_who_is_not_there_is_said_to_be_nobody(looked: Looked) -> None:
    page = looked.sign_in("viewer")
    looked.expected.append("422")
    page.set_input_files("#picture", picture("wall.png", png(crop_of(2, 1)[:, :, ::-1] // 6 + 200)))
    page.get_by_role("button", name="Search with the whole picture").click()
    page.locator(".verdict", has_text="Nobody in this gallery is likely to be this person").wait_for()


def test_a_sighting_opens_large_and_leads_to_others(looked: Looked) -> None:
    page = looked.sign_in("viewer")
    page.get_by_label("A sentence about the person").fill("a person in a blue dress")
    page.keyboard.press("Enter")
    page.locator(".hit .sighting").first.click()
    dialog = page.get_by_role("dialog")
    told = dialog.inner_text()
    assert "1 May 2026" in told
    assert ".mp4," in told
    assert "@0123456789ab" not in told
    assert dialog.locator("img.large").evaluate("each => each.complete && each.naturalWidth") in (0, 80)
    page.keyboard.press("ArrowRight")
    page.get_by_role("link", name="Search for people like this").click()
    page.get_by_text("People like sighting").wait_for()
    page.locator(".hit").first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_light_and_dark_and_what_is_chosen(looked: Looked, scheme: str) -> None:
    page = looked.page
    page.emulate_media(color_scheme=scheme)
    looked.sign_in("viewer")

    def brightness() -> float:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(each) for each in colour[4:-1].split(",")) / 3

    assert (brightness() > 200) == (scheme == "light")
    page.get_by_role("button", name="Colours").click()
    assert brightness() < 60, "dark comes after what the system says"
    page.reload()
    page.wait_for_selector("nav")
    assert brightness() < 60
    page.get_by_role("button", name="Colours").click()
    assert brightness() > 200


def test_the_keyboard_alone_finds_somebody(looked: Looked) -> None:
    page = looked.page
    page.goto(looked.served.address)
    page.get_by_label("Your key").wait_for()
    page.keyboard.type(looked.served.keys["viewer"])
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Who are you looking for?").wait_for()
    reach(page, "input[type=search]")
    page.keyboard.type("a man in a black shirt")
    page.keyboard.press("Enter")
    page.locator(".hit").first.wait_for()
    reach(page, ".hit .sighting")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('.hit .sighting')"), "the focus is where it was"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.get_by_label("Time line").wait_for()


def reach(page: Any, wanted: str) -> None:
    """Press Tab until something has the focus; on the way, whatever has it shows that."""
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """wanted => {
                const now = document.activeElement;
                const place = now.matches('.covered') ? now.parentElement : now;
                return [now.matches(wanted), getComputedStyle(place).outlineStyle, now.outerHTML.slice(0, 80)];
            }""",
            wanted,
        )
        assert found[1] != "none", f"{found[2]} does not show that it has the focus"
        if found[0]:
            return
    raise AssertionError(f"{wanted} is not reached")
