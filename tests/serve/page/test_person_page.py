"""People are listed, named, merged and taken apart, and each change can be taken back."""

import re
from datetime import datetime
from typing import Any

from passerby.gallery.gallery import open_gallery
from tests.serve.page.conftest import Looked

TAKEN = ("taken_from", "taken_to")
BEYOND_THE_CARD = """() => {
    const card = document.querySelector(".ask");
    const right = card.getBoundingClientRect().right - parseFloat(getComputedStyle(card).paddingRight);
    return [...card.querySelectorAll(":scope > *, .drop, input[type=search], button")]
        .filter((each) => each.getBoundingClientRect().right > right).map((each) => each.outerHTML.slice(0, 60));
}"""
MARKUP = "<img src=x onerror=document.title='broken'>"


def largest(looked: Looked) -> int:
    """The number of the identity with most sightings."""
    with open_gallery(looked.served.gallery) as gallery:
        return max(gallery.identities(), key=lambda each: (len(each.tracklets), -each.number)).number


def seen(looked: Looked, number: int) -> int:
    with open_gallery(looked.served.gallery) as gallery:
        return len(gallery.identity(number).tracklets)


def undo(page: Any) -> None:
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Taken back").wait_for()


def test_people_are_listed_and_found_by_camera_and_name(looked: Looked) -> None:
    page = looked.sign_in("viewer", "people")
    page.locator(".person-card").first.wait_for()
    everybody = page.locator(".person-card").count()
    page.get_by_label("Seen by").select_option("hall")
    page.wait_for_function("most => document.querySelectorAll('.person-card').length < most", arg=everybody)
    assert all("hall" in each for each in page.locator(".person-card").all_inner_texts())
    page.get_by_label("Name").fill("nobody of this name")
    page.get_by_text("Nobody fits.").wait_for()


def test_a_viewer_looks_and_changes_nothing(looked: Looked) -> None:
    page = looked.sign_in("viewer", f"person/{largest(looked)}")
    page.get_by_label("Time line").wait_for()
    assert page.locator(".seen").count() == 3
    assert page.locator("main .actions").count() == 0
    assert page.locator(".seen .tile img").first.evaluate("each => getComputedStyle(each).objectFit") == "contain", (
        "nobody is judged without head and shoes"
    )
    page.locator(".bars button").nth(1).click()
    assert "Camera" in page.get_by_role("dialog").inner_text()


def test_times_in_a_video_with_a_start_time_are_days_and_clock_times(looked: Looked) -> None:
    number = largest(looked)
    page = looked.sign_in("viewer", f"person/{number}")
    assert re.search(r"from \d+:\d\d$", page.locator(".seen .soft").first.inner_text()), "counted from its start"

    def since_1970(route: Any) -> None:
        answer = route.fetch()
        told = answer.json()
        for each in told["seen"]:
            each["begins"], each["ends"] = (datetime.fromisoformat(each[key]).timestamp() for key in TAKEN)
        route.fulfill(response=answer, json=told)

    page.route(f"**/v1/identities/{number}", since_1970)
    page.reload()
    assert re.search(r"from 1 May 2026, \d\d:\d\d:\d\d$", page.locator(".seen .soft").first.inner_text())
    page.locator(".seen .sighting").first.click()
    told = page.get_by_role("dialog").inner_text()
    assert re.search(r"\.mp4, 1 May 2026, \d\d:\d\d:\d\d to \d\d:\d\d:\d\d\n", told)


def test_a_name_is_text_whatever_it_says(looked: Looked) -> None:
    number = largest(looked)
    page = looked.sign_in("reviewer", f"person/{number}")
    page.get_by_role("button", name="Name and note").click()
    page.get_by_role("textbox", name="Name", exact=True).fill(MARKUP)
    page.get_by_role("textbox", name="Note").fill("has a stick")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name=MARKUP).wait_for()
    assert page.locator(".notes").inner_text() == "has a stick"
    assert page.locator(".badge", has_text="not confirmed").count() == 0
    looked.go("people")
    page.locator(".person-card", has_text=MARKUP).wait_for()
    assert page.locator("img[onerror]").count() == 0
    looked.go(f"person/{number}")
    page.get_by_role("button", name="Take confirmation back").click()
    undo(page)


def test_people_are_merged_the_most_alike_first_and_split(looked: Looked) -> None:
    number = largest(looked)
    before = seen(looked, number)
    page = looked.sign_in("reviewer", f"person/{number}")
    page.get_by_role("button", name="Same as somebody else").click()
    page.locator("dialog .row").first.wait_for()
    page.get_by_role("button", name="is the same person").first.click()
    page.get_by_text("who is confirmed now").wait_for()
    assert seen(looked, number) > before
    undo(page)
    assert seen(looked, number) == before
    page.get_by_role("button", name="Some are somebody else").click()
    page.locator(".choosing .sighting").first.click()
    page.get_by_role("button", name="Make 1 sighting a person of their own").click()
    page.get_by_text("; both are confirmed now").wait_for()
    with open_gallery(looked.served.gallery) as gallery:
        newest = max(each.number for each in gallery.identities())
        assert all(gallery.identity(each).confirmed for each in (number, newest))
    assert seen(looked, number) == before - 1
    undo(page)
    assert seen(looked, number) == before
    looked.go("people")
    page.locator(".notice").wait_for(state="detached", timeout=4000)  # before it goes by itself


def test_somebody_is_held_and_released(looked: Looked) -> None:
    page = looked.sign_in("admin", f"person/{largest(looked)}")
    page.get_by_role("button", name="Hold…").click()
    page.get_by_label("Why").fill("case 12")
    page.get_by_role("button", name="Hold", exact=True).click()
    page.locator(".badge.hold").wait_for()
    page.get_by_role("button", name="End the hold").click()
    page.locator(".badge.hold").wait_for(state="detached")


def test_nothing_is_wider_than_a_phone(on_phone: Looked) -> None:
    page = on_phone.sign_in("admin", f"person/{largest(on_phone)}")
    page.get_by_label("Time line").wait_for()
    for view, shown in {"people": ".person-card", "search": ".drop", f"person/{largest(on_phone)}": ".seen"}.items():
        on_phone.go(view)
        page.locator(shown).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, view
        if view == "search":
            assert page.evaluate(BEYOND_THE_CARD) == []
    page.locator(".seen .sighting").first.click()
    assert page.get_by_role("dialog").evaluate("each => each.scrollWidth <= each.clientWidth")
