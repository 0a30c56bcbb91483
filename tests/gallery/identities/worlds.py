"""Made-up galleries of which it is known who is who."""

from datetime import timedelta

import numpy as np

from passerby.gallery.gallery import Gallery
from passerby.gallery.records import Feature, NewTracklet
from tests.gallery.people import MORNING, SIZES, centres, unit, views

AT_ONCE = 6


def walks(
    people: int = 40, times: int = 4, *, seed: int = 0, spread: float = 0.4
) -> tuple[list[NewTracklet], list[int]]:
    """Every person once in each of some cameras, six of them at a time; and who each tracklet is."""
    generator = np.random.default_rng(seed)
    middle = centres(people, generator)
    tracklets, who = [], []
    for camera in range(times):
        order = generator.permutation(people)
        seen = middle[order] + spread * generator.standard_normal((people, SIZES.dim))
        halves = views(seen, 2, generator)
        for place, person in enumerate(order.tolist()):
            begins = 60.0 * (place // AT_ONCE)
            hour = MORNING + timedelta(hours=camera, seconds=begins)
            tracklets.append(
                NewTracklet(
                    key=f"walk{seed}/{camera}/{place}",
                    camera=f"cam{camera}",
                    video=f"video{camera}",
                    begins=begins,
                    ends=begins + 30,
                    frames=100,
                    height=100.0,
                    taken_from=hour,
                    taken_to=hour + timedelta(seconds=30),
                    features={SIZES: Feature(unit(halves[place].mean(0)), halves[place])},
                )
            )
            who.append(person)
    return tracklets, who


def partition(gallery: Gallery) -> set[frozenset[str]]:
    """Keys of the tracklets of each identity."""
    return {frozenset(each.key for each in gallery.get(known.tracklets)) for known in gallery.identities()}


def scores(found: set[frozenset[str]], tracklets: list[NewTracklet], who: list[int]) -> tuple[float, float]:
    """Precision and recall of pairs."""
    person = {each.key: number for each, number in zip(tracklets, who, strict=True)}
    label = {key: number for number, group in enumerate(sorted(map(sorted, found))) for key in group}
    keys = sorted(person)
    persons, labels = np.array([person[key] for key in keys]), np.array([label[key] for key in keys])
    first, second = np.triu_indices(len(keys), 1)
    true, joined = persons[first] == persons[second], labels[first] == labels[second]
    return float((true & joined).sum() / joined.sum()), float((true & joined).sum() / true.sum())


def everything(gallery: Gallery) -> dict[str, object]:
    """All that identities are made of, for comparison."""
    identities = gallery.identities()
    with gallery._database.reading() as transaction:
        return {
            "tracklets": transaction.rows("SELECT id, identity FROM tracklets ORDER BY id"),
            "identities": identities,
            "decisions": transaction.rows("SELECT * FROM decisions ORDER BY first, second"),
        }
