"""Whatever people do to identities, undo restores what was before, to the row."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.errors import GalleryError, NotInGalleryError, SupersededError
from passerby.gallery.gallery import Gallery, open_gallery
from tests.gallery.identities.worlds import everything, walks
from tests.gallery.servers import Store


@pytest.fixture
def gallery(store: Store) -> Iterator[Gallery]:
    with open_gallery(store.location, create=True, actor="tester") as opened:
        opened.add(walks(10)[0])
        opened.identify(threshold=0.55)
        yield opened


def something(gallery: Gallery, generator: np.random.Generator) -> None:
    """One change, drawn at random; some are refused."""
    known = gallery.identities()
    first, second = (known[int(place)] for place in generator.integers(len(known), size=2))
    some = generator.permutation(first.tracklets)[: max(1, len(first.tracklets) // 2)].tolist()
    one, other = (int(each) for each in generator.choice(40, 2, replace=False) + 1)
    kind = generator.integers(6)
    if kind == 0:
        gallery.merge(first.number, second.number)
    elif kind == 1:
        gallery.split(first.number, some)
    elif kind == 2:
        gallery.name(first.number, f"name {one}", notes=f"note {other}", confirm=bool(one % 2))
    elif kind == 3:
        gallery.decide(one, other, same=[True, False, None][one % 3])
    else:
        gallery.identify(threshold=float(generator.uniform(0.3, 0.8)))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 100_000), steps=st.integers(1, 10))
def test_undo_restores_every_state_in_turn(tmp_path_factory: pytest.TempPathFactory, seed: int, steps: int) -> None:
    generator = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("gallery")
    with open_gallery(folder, create=True) as gallery:
        gallery.add(walks(10)[0])
        gallery.identify(threshold=0.55)
        states, counts = [everything(gallery)], [1]
        for _ in range(steps):
            try:
                something(gallery, generator)
            except GalleryError:
                assert everything(gallery) == states[-1]  # what is refused changes nothing
                continue
            if len(gallery.history()) > counts[-1]:
                states.append(everything(gallery))
                counts.append(len(gallery.history()))
    with open_gallery(folder) as gallery:
        assert everything(gallery) == states.pop()
        while states:
            gallery.undo()
            assert everything(gallery) == states.pop()
        gallery.undo()
        assert all(each.identity is None for each in gallery.get(range(1, 41)))
        with pytest.raises(GalleryError, match="no change of identities to undo"):
            gallery.undo()
        assert all(change.undone for change in gallery.history())


def test_a_merge_keeps_the_first_and_takes_the_name_that_there_is(gallery: Gallery) -> None:
    first, second, third = gallery.identities()[:3]
    gallery.name(second.number, "Anna", notes="red coat", confirm=False)
    assert not gallery.identity(second.number).confirmed
    gallery.merge(first.number, second.number, third.number, reason="seen on the platform")
    merged = gallery.identity(first.number)
    assert merged.tracklets == tuple(sorted(first.tracklets + second.tracklets + third.tracklets))
    assert (merged.name, merged.notes, merged.confirmed) == ("Anna", "red coat", True)
    assert merged.cameras == ("cam0", "cam1", "cam2", "cam3")
    with pytest.raises(GalleryError, match=f"no identity {second.number}: it was merged"):
        gallery.identity(second.number)
    assert gallery.undo().kind == "merge"
    assert gallery.identity(second.number).name == "Anna"
    assert gallery.identity(first.number) == first
    assert [(each.action, each.reason) for each in gallery.log()][-2:] == [
        ("merge", "seen on the platform"),
        ("undo", ""),
    ]


def test_a_change_is_taken_back_though_others_came_later_unless_they_build_upon_it(gallery: Gallery) -> None:
    first, second, third, fourth = gallery.identities()[:4]
    gallery.merge(first.number, second.number)
    merge = gallery.history()[-1].number
    gallery.name(third.number, "Anna")
    assert gallery.undo(merge).number == merge
    assert gallery.identity(first.number) == first
    assert gallery.identity(third.number).name == "Anna"
    with pytest.raises(SupersededError, match=f"change {merge} is taken back already"):
        gallery.undo(merge)
    gallery.merge(third.number, fourth.number)
    merge = gallery.history()[-1].number
    for build in (
        lambda: gallery.name(third.number, "Berta"),
        lambda: gallery.split(third.number, gallery.identity(third.number).tracklets[:1]),
        lambda: gallery.merge(first.number, third.number),
        lambda: gallery.decide(first.tracklets[0], fourth.tracklets[0], same=False),
    ):
        build()
        later = gallery.history()[-1].number
        before = gallery.identities()
        with pytest.raises(
            SupersededError, match=f"change {merge} cannot be taken back: change {later} is about the same"
        ):
            gallery.undo(merge)
        assert gallery.identities() == before
        gallery.undo(later)
    gallery.undo(merge)
    assert gallery.identity(fourth.number) == fourth
    with pytest.raises(NotInGalleryError, match="there is no change 999"):
        gallery.undo(999)


def test_a_decision_is_not_taken_back_over_a_later_one_of_the_same_pair(gallery: Gallery) -> None:
    gallery.decide(1, 2, same=False)
    first = gallery.history()[-1].number
    gallery.decide(1, 2, same=None)
    with pytest.raises(SupersededError):
        gallery.undo(first)
    gallery.undo(gallery.history()[-1].number)
    gallery.undo(first)
    assert gallery.decisions() == []


def test_a_split_makes_a_new_identity_with_a_number_of_its_own(gallery: Gallery) -> None:
    whole = next(each for each in gallery.identities() if len(each.tracklets) > 2)
    newest = max(each.number for each in gallery.identities())
    number = gallery.split(whole.number, whole.tracklets[:1])
    assert number > newest
    assert gallery.identity(number).tracklets == whole.tracklets[:1]
    assert gallery.identity(whole.number).tracklets == whole.tracklets[1:]
    gallery.identify(threshold=0.0)
    assert whole.tracklets[0] in gallery.identity(number).tracklets
    gallery.undo()
    gallery.undo()
    assert gallery.identity(whole.number) == whole
    assert gallery.split(whole.number, whole.tracklets[:1]) > number


def test_what_makes_no_sense_is_refused_in_one_line_and_changes_nothing(gallery: Gallery) -> None:
    first, second = [each for each in gallery.identities() if len(each.tracklets) > 2][:2]
    before = everything(gallery)
    for act, message in (
        (lambda: gallery.merge(first.number), "two different identities"),
        (lambda: gallery.merge(first.number, first.number), "two different identities"),
        (lambda: gallery.merge(first.number, 999), "no identity 999"),
        (lambda: gallery.split(first.number, []), "are taken out, not all"),
        (lambda: gallery.split(first.number, first.tracklets), "are taken out, not all"),
        (lambda: gallery.split(first.number, second.tracklets), "is not of identity"),
        (lambda: gallery.name(999, "Anna"), "no identity 999"),
        (lambda: gallery.name(first.number, "A\0"), "zero character"),
        (lambda: gallery.decide(1, 1, same=True), "two different tracklets"),
        (lambda: gallery.decide(1, 999, same=True), "no tracklet 999"),
    ):
        with pytest.raises(GalleryError, match=message):
            act()
    assert everything(gallery) == before
    gallery.name(first.number)
    gallery.name(second.number)
    with pytest.raises(GalleryError, match="are confirmed: merge them instead"):
        gallery.decide(first.tracklets[0], second.tracklets[0], same=True)
    with pytest.raises(GalleryError, match="is confirmed: split it instead"):
        gallery.decide(*first.tracklets[:2], same=False)


def test_decisions_that_contradict_each_other_are_refused(gallery: Gallery) -> None:
    gallery.decide(1, 2, same=True)
    gallery.decide(3, 2, same=True)
    with pytest.raises(GalleryError, match="tracklets 1 and 3 would be one person and two"):
        gallery.decide(1, 3, same=False)
    gallery.decide(4, 1, same=False)
    with pytest.raises(GalleryError, match="tracklets 1 and 4 would be one person and two"):
        gallery.decide(3, 4, same=True)
    gallery.decide(2, 1, same=None)
    gallery.decide(3, 4, same=True)
    assert [tuple(each) for each in gallery.decisions()] == [(1, 4, False), (2, 3, True), (3, 4, True)]


def test_what_left_a_held_identity_stays_held(gallery: Gallery) -> None:
    held, into = [each for each in gallery.identities() if len(each.tracklets) > 2][:2]
    gallery.split(held.number, held.tracklets[:1])  # before the hold
    gallery.hold(identity=held.number, reason="case 12")
    gallery.merge(into.number, held.number)
    for number in held.tracklets[1:]:
        with pytest.raises(GalleryError, match="under a legal hold"):
            gallery.erase([number])
    gallery.erase([*into.tracklets, held.tracklets[0]])
    with pytest.raises(GalleryError, match="under a legal hold"):
        gallery.erase([held.tracklets[1]])
    gallery.release(1)
    gallery.erase([held.tracklets[1]])


def files_with(folder: Path, text: bytes) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file() and text in file.read_bytes()]


def test_erasing_somebody_erases_all_names_they_ever_had_and_others_can_still_be_undone(
    gallery: Gallery, store: Store
) -> None:
    first, second, third = gallery.identities()[:3]
    gallery.name(second.number, "Annabella Dorothea", notes="lives at the harbour")
    gallery.name(second.number, "Wilhelmina", notes="")
    gallery.merge(first.number, second.number)
    gallery.name(first.number, "Ludovica")
    gallery.name(third.number, "Maximiliane")
    gallery.erase([*first.tracklets, *second.tracklets])
    for text in (b"Annabella Dorothea", b"harbour", b"Wilhelmina", b"Ludovica"):
        assert files_with(store.files, text) == []
    assert files_with(store.files, b"Maximiliane")
    assert [each.kind for each in gallery.history()] == ["identify", "name"]
    gallery.undo()
    assert gallery.identity(third.number).name is None
    gallery.undo()
    assert gallery.identities() == []


def test_a_merge_is_undone_after_others_were_erased(gallery: Gallery) -> None:
    first, second, third = [each for each in gallery.identities() if len(each.tracklets) > 1][:3]
    gallery.merge(first.number, second.number)
    gallery.erase(third.tracklets)  # the emptied identity goes too
    gallery.undo()
    assert gallery.identity(second.number).tracklets == second.tracklets
    assert gallery.identity(first.number).tracklets == first.tracklets
