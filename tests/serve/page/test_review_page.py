"""Doubtful joins are decided with keys, the least certain first, and what was decided can be taken back."""

import re
from typing import Any

from passerby.gallery.gallery import open_gallery
from tests.serve.page.conftest import Looked

JOINS = 20


def said(looked: Looked) -> list[tuple[int, int, bool]]:
    with open_gallery(looked.served.gallery) as gallery:
        return [(each.first, each.second, each.same) for each in gallery.decisions()]


def progress(page: Any, text: str) -> None:
    page.locator(".progress", has_text=text).wait_for()


def became(told: str) -> tuple[int, int]:
    """How many sightings, and the person whose they are now, of a line about two that were one."""
    found = re.fullmatch(r"Said: different; (\d+) sightings? became Person (\d+)\.", told)
    assert found is not None, told
    return int(found[1]), int(found[2])


def settled_by(looked: Looked, *pair: int) -> tuple[int, int]:
    """Likewise, by the gallery: the newer of the two people has just those who left."""
    with open_gallery(looked.served.gallery) as gallery:
        newer = max(each.identity or 0 for each in gallery.get(pair))
        return len(gallery.identity(newer).tracklets), newer


def press(page: Any, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_twenty_joins_are_decided_with_keys_and_two_taken_back(looked: Looked) -> None:
    with open_gallery(looked.served.gallery) as gallery:
        (first,) = gallery.doubts(1)
    page = looked.sign_in("reviewer", "review")
    page.locator(".pair").wait_for()
    page.locator(".side").first.get_by_role("button", name="show it large").first.click()
    assert f"number {first.first}" in page.get_by_role("dialog").inner_text(), "the least certain comes first"
    press(page, "s")
    page.keyboard.press("Escape")
    progress(page, "0 decided")
    for done in range(1, JOINS + 1):
        press(page, "d" if done % 4 else "s")
        progress(page, f"{done} decided")
        told = page.get_by_role("status").filter(has_text="Said:")
        told.filter(has_text="different" if done % 4 else "same").wait_for()
        if done == 1:
            assert became(told.inner_text()) == settled_by(looked, first.first, first.second)
        page.locator(".pair").wait_for()
    press(page, "uu")
    progress(page, f"{JOINS - 2} decided")
    assert len(said(looked)) == JOINS - 2
    assert (first.first, first.second, False) in said(looked)
    press(page, "  ")
    progress(page, "2 skipped")
    page.get_by_text("Skipped.").wait_for()
    press(page, "u")
    progress(page, "1 skipped")


def test_everything_is_decided_in_the_end(looked: Looked) -> None:
    page = looked.sign_in("reviewer", "review")
    page.locator(".pair").wait_for()
    before = len(said(looked))
    for _ in range(200):
        page.locator(".pair, .plate.right").first.wait_for()
        if page.locator(".plate.right").count():
            break
        page.get_by_role("button", name="Different").click()
    page.get_by_text("Nothing is left to decide").wait_for()
    with open_gallery(looked.served.gallery) as gallery:
        assert gallery.doubts(5) == []
    after = len(said(looked))
    assert after > before
    page.get_by_role("button", name="Undo the last").click()
    page.locator(".pair").wait_for()
    assert len(said(looked)) == after - 1


def test_one_takes_back_ones_own_last_decision_and_nothing_of_somebody_else(looked: Looked) -> None:
    page = looked.sign_in("reviewer", "review")
    page.locator(".pair").wait_for()
    before = said(looked)

    def decide() -> None:
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            press(page, "d")
        progress(page, "1 decided")

    decide()
    ((first, second, _),) = set(said(looked)) - set(before)
    with open_gallery(looked.served.gallery, actor="somebody else") as gallery:
        gallery.name(gallery.identities()[0].number, "Anna")
    with page.expect_response(lambda answer: answer.url.endswith("/v1/undo")):
        press(page, "u")
    assert said(looked) == before
    decide()
    with open_gallery(looked.served.gallery, actor="somebody else") as gallery:
        assert [each.name for each in gallery.identities() if each.name] == ["Anna"]
        gallery.decide(first, second, same=None)
    press(page, "u")
    page.get_by_text("Somebody has changed something about these people since").wait_for()
    looked.expected.append("status of 409")


def test_a_viewer_decides_nothing(looked: Looked) -> None:
    page = looked.sign_in("viewer")
    assert page.get_by_role("link", name="Review").count() == 0
    looked.go("review")
    page.get_by_text("This needs a key of the role reviewer").wait_for()


def test_a_phone_shows_both_sides_and_its_buttons(on_phone: Looked) -> None:
    page = on_phone.page
    with open_gallery(on_phone.served.gallery) as gallery:
        while not gallery.doubts(1):
            gallery.undo()
    on_phone.sign_in("reviewer", "review")
    page.locator(".pair").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for name in ("Same", "Different", "Skip", "Undo"):
        box = page.get_by_role("button", name=name, exact=False).first.bounding_box()
        assert box["y"] + box["height"] <= 740, "no scrolling to decide"
    page.get_by_role("button", name="Different").tap()
    progress(page, "1 decided")
