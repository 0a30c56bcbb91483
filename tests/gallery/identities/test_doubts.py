"""The joins that a gallery asks people about, and what their answers do."""

from pathlib import Path

import numpy as np
import pytest

from passerby.errors import GalleryError, NotInGalleryError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.records import Feature, ModelKey, NewTracklet
from tests.gallery.people import unit
from tests.gallery.servers import Store

MODEL = ModelKey("d" * 64, "made-up", 24)
PEOPLE, SIGHTS = 5, 4


def features_of(seed: int = 0) -> np.ndarray:
    """Float32 [PEOPLE, SIGHTS, D]: people 0 and 1 are alike."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((PEOPLE, MODEL.dim))
    centres[1] = centres[0] + 0.75 * generator.standard_normal(MODEL.dim)
    return unit(centres[:, None] + 0.35 * generator.standard_normal((PEOPLE, SIGHTS, MODEL.dim)))


def fill(gallery: Gallery, *, at_once: bool = False) -> np.ndarray:
    """Tracklets 1, 2, … of person 0, then of person 1, …; returns their features as the gallery has them, [T, D]."""
    found = features_of()
    gallery.add(
        NewTracklet(
            key=f"{person}/{sight}",
            camera=f"cam{sight}",
            video=f"video{sight}",
            begins=0.0 if at_once else 100.0 * person,
            ends=50.0 if at_once else 100.0 * person + 50,
            frames=100,
            height=100.0,
            features={MODEL: Feature(found[person, sight])},
        )
        for person in range(PEOPLE)
        for sight in range(SIGHTS)
    )
    kept = np.stack([gallery.feature(number, MODEL) for number in gallery.numbers()]).astype(np.float64)
    return kept / np.linalg.norm(kept, axis=1, keepdims=True)


def mean_cosine(features: np.ndarray, sides: tuple[tuple[int, ...], tuple[int, ...]]) -> float:
    one, other = (features[np.array(side) - 1] for side in sides)
    return float((one @ other.T).mean())


@pytest.fixture
def confused(store: Store) -> tuple[str, np.ndarray]:
    """A gallery that took persons 0 and 1 for one."""
    with open_gallery(store.location, create=True) as gallery:
        features = fill(gallery)
        threshold = mean_cosine(features, ((1, 2, 3, 4), (5, 6, 7, 8))) - 0.02
        assert gallery.identify(threshold=threshold).identities == PEOPLE - 1
    return store.location, features


def test_a_wrong_join_is_asked_first_with_both_sides(confused: tuple[str, np.ndarray]) -> None:
    location, features = confused
    with open_gallery(location) as gallery:
        first, *others = gallery.doubts(100)
        assert first.joined
        assert set(map(frozenset, first.sides)) == {frozenset({1, 2, 3, 4}), frozenset({5, 6, 7, 8})}
        threshold = float(gallery.log()[-1].detail["threshold"])
        for doubt in (first, *others):
            assert doubt.likeness == pytest.approx(mean_cosine(features, doubt.sides), abs=1e-5)
            cosines = features[np.array(doubt.sides[0]) - 1] @ features[np.array(doubt.sides[1]) - 1].T
            assert doubt.score == pytest.approx(cosines.max(), abs=1e-5)
            assert doubt.first < doubt.second
            assert (doubt.first in doubt.sides[0], doubt.second in doubt.sides[1]) == (True, True)
            assert doubt.joined == (doubt.identities[0] == doubt.identities[1])
        distances = [abs(doubt.likeness - threshold) for doubt in (first, *others)]
        assert distances == sorted(distances)
        joined = [doubt for doubt in (first, *others) if doubt.joined]
        assert len(joined) == PEOPLE * SIGHTS - (PEOPLE - 1)  # as many as average linkage made
        assert gallery.doubts(2) == [first, others[0]]


def test_two_people_come_apart_at_once_and_undo_takes_it_back(confused: tuple[str, np.ndarray]) -> None:
    location, _ = confused
    with open_gallery(location) as gallery:
        before = gallery.identities()
        doubt = gallery.doubts(1)[0]
        settled = gallery.settle(doubt.second, doubt.first, same=False, reason="other shoes")
        assert settled.moved == 4
        owners = [each.identity for each in gallery.get([doubt.first, doubt.second])]
        assert owners[0] != owners[1]
        assert {each.tracklets for each in gallery.identities()} >= {(1, 2, 3, 4), (5, 6, 7, 8)}
        assert (doubt.first, doubt.second) not in [(each.first, each.second) for each in gallery.doubts(100)]
        assert gallery.undo().number == settled.change
        assert gallery.identities() == before
        assert gallery.decisions() == []
        assert gallery.doubts(1)[0] == doubt


def test_an_answer_holds_when_who_is_who_is_found_anew(confused: tuple[str, np.ndarray]) -> None:
    location, _ = confused
    with open_gallery(location) as gallery:
        threshold = float(gallery.log()[-1].detail["threshold"])
        doubt = gallery.doubts(1)[0]
        gallery.settle(doubt.first, doubt.second, same=False)
        gallery.identify(threshold=threshold)
        owners = [each.identity for each in gallery.get([doubt.first, doubt.second])]
        assert owners[0] != owners[1]


def test_one_person_comes_together_and_keeps_the_confirmed_number(store: Store) -> None:
    with open_gallery(store.location, create=True) as gallery:
        features = fill(gallery)
        threshold = mean_cosine(features, ((1, 2, 3, 4), (5, 6, 7, 8))) + 0.02
        assert gallery.identify(threshold=threshold).identities == PEOPLE
        doubt = gallery.doubts(1)[0]
        assert not doubt.joined
        owner = gallery.get([doubt.second])[0].identity
        assert owner is not None
        gallery.name(owner, "Anna")
        doubt = next(each for each in gallery.doubts(100) if not each.joined)
        assert gallery.settle(doubt.first, doubt.second, same=True).moved == 4
        assert gallery.identity(owner).tracklets == (1, 2, 3, 4, 5, 6, 7, 8)
        assert gallery.identity(owner).name == "Anna"
        gallery.undo()
        assert len(gallery.identity(owner).tracklets) == 4


def test_who_cannot_be_one_person_is_not_asked(store: Store) -> None:
    with open_gallery(store.location, create=True) as gallery:
        features = fill(gallery, at_once=True)  # all are seen at once in every camera
        gallery.identify(threshold=mean_cosine(features, ((1, 2, 3, 4), (5, 6, 7, 8))) - 0.02)
        assert [doubt for doubt in gallery.doubts(100) if not doubt.joined] == []
        for identity in gallery.identities():
            gallery.name(identity.number)
        assert gallery.doubts(100) == []


def test_tracklets_of_nobody_are_asked_about(store: Store) -> None:
    with open_gallery(store.location, create=True) as gallery:
        fill(gallery)
        with pytest.raises(GalleryError, match="from which likeness on people are one: identify them"):
            gallery.doubts(5)  # nobody has said where the threshold lies
        gallery.identify(threshold=0.999)
        doubt = gallery.doubts(1)[0]
        assert not doubt.joined
        with pytest.raises(NotInGalleryError, match="there is no tracklet 99"):
            gallery.settle(1, 99, same=True)
        with pytest.raises(GalleryError, match="two different tracklets"):
            gallery.settle(1, 1, same=True)
        gallery.settle(doubt.first, doubt.second, same=True)
        assert gallery.settle(doubt.first, doubt.second, same=False).moved == 1  # on second thoughts
        owners = [each.identity for each in gallery.get([doubt.first, doubt.second])]
        assert owners[0] != owners[1]
        third = next(number for number in gallery.numbers() if number not in (doubt.first, doubt.second))
        gallery.settle(doubt.first, third, same=True)
        with pytest.raises(GalleryError, match="contradicts"):
            gallery.settle(doubt.second, third, same=True)


def test_of_a_gallery_without_features_nothing_is_asked(tmp_path: Path) -> None:
    with (
        open_gallery(tmp_path / "empty", create=True) as gallery,
        pytest.raises(GalleryError, match="has no features of any model"),
    ):
        gallery.doubts()
