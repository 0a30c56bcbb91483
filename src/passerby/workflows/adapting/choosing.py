"""Whom a model learns from in a gallery, whom it is judged by, and what people should know about that."""

from collections import Counter
from dataclasses import dataclass

from passerby.errors import GalleryError
from passerby.gallery.gallery import Gallery
from passerby.gallery.identities.decisions import Decision
from passerby.gallery.records import ModelKey, Tracklet
from passerby.workflows.adapting.division import Division, divide
from passerby.workflows.adapting.learning_data import Learned, labels_of
from passerby.workflows.adapting.persons import Persons, persons_to_learn
from passerby.workflows.adapting.recipes import Way

FEWEST_PEOPLE = 8
"""People, or camera identities, without whom nothing is learned."""

FEWEST_TRACKLETS = 30
"""Of tracklets, the same where clusters are learned from."""


@dataclass(frozen=True)
class Chosen:
    """Whom a model learns from.

    Attributes:
        learned: tracklets and labels.
        division: how the gallery was parted.
        persons: whose tracklets are.
        confirmed: identities by tracklet, where somebody vouched for them.
        decisions: what people said of pairs of tracklets.
        people: how many, or how many camera identities, or for clusters how many tracklets.
        notes: what people should know, a sentence each.
    """

    learned: Learned
    division: Division
    persons: Persons
    confirmed: dict[int, int]
    decisions: list[Decision]
    people: int
    notes: list[str]


def choose(
    gallery: Gallery, model: ModelKey, way: Way, *, hold_back: float, min_tracklets: int, seed: int, name: str
) -> Chosen:
    """Choose whom to learn from; who is who is found out first, if that was never done.

    Args:
        gallery: open.
        model: of the gallery, by which tracklets are compared.
        way: what is learned from.
        hold_back: share of people that is held back.
        min_tracklets: of a person to be learned from.
        seed: of drawings.
        name: of the gallery, for messages.

    Raises:
        GalleryError: there are too few pictures, people or cameras to learn from, or too few to judge by.
    """
    tracklets = _usable(gallery, model, name)
    if not gallery.identities():
        _identify(gallery, model, name)
    identities, decisions = gallery.identities(), gallery.decisions()
    persons = persons_to_learn(identities, decisions)
    confirmed = {number: each.number for each in identities if each.confirmed for number in each.tracklets}
    division = divide(tracklets, persons, hold_back, seed)
    wanted = _wanted(division, way, min_tracklets)
    chosen = [each for each in tracklets if each.number in wanted]
    learned = Learned(chosen, labels_of(wanted, seed))
    people = _count(learned, way)
    _check_enough(people, way, min_tracklets, name)
    _check_cameras(chosen, way, name)
    notes = _notes(learned, division, persons, way)
    return Chosen(learned, division, persons, confirmed, decisions, people, notes)


def _usable(gallery: Gallery, model: ModelKey, name: str) -> list[Tracklet]:
    """Tracklets with pictures and a feature of the model."""
    pictured = gallery.numbers_with_pictures()
    if not len(gallery):
        raise GalleryError(f"{name}: is empty: `passerby index` puts videos into it")
    if not pictured:
        raise GalleryError(
            f"{name}: holds features without pictures, of which nothing can be learned: index the videos, or import a "
            "table with a column `path`"
        )
    lacking = set(gallery.numbers_without(model))
    return gallery.get([number for number in pictured if number not in lacking])


def _identify(gallery: Gallery, model: ModelKey, name: str) -> None:
    try:
        gallery.identify(model=model, reason="adapt")
    except GalleryError as error:
        raise GalleryError(
            f"{name}: who is who was never found out, and cannot be without a threshold ({error}): "
            f"`passerby gallery identify {name} --threshold X`"
        ) from error


def _wanted(division: Division, way: Way, min_tracklets: int) -> dict[int, int | None]:
    """Whose the tracklets are that are learned from, by number."""
    if way == "cluster-contrast":
        return dict.fromkeys(division.learned)
    known = {number: person for number, person in division.learned.items() if person is not None}
    sizes = Counter(known.values())
    fewest = 1 if way == "ccafl" else min_tracklets
    return {number: person for number, person in known.items() if sizes[person] >= fewest}


def _count(learned: Learned, way: Way) -> int:
    if way == "cluster-contrast":
        return len(learned.tracklets)
    if way == "ccafl":
        return len({(each.camera, learned.labels[each.number]) for each in learned.tracklets})
    return len({learned.labels[each.number] for each in learned.tracklets})


def _check_enough(people: int, way: Way, min_tracklets: int, name: str) -> None:
    if way == "cluster-contrast" and people < FEWEST_TRACKLETS:
        raise GalleryError(
            f"{name}: {people} tracklets besides those held back are too few to learn from, at least "
            f"{FEWEST_TRACKLETS} are needed: add videos"
        )
    if people < FEWEST_PEOPLE:
        at_least = f" with {min_tracklets} tracklets or more" if way != "ccafl" and min_tracklets > 1 else ""
        remedy = ", or --min-tracklets 1" if at_least else ""
        raise GalleryError(
            f"{name}: {people} people{at_least} besides those held back are too few to learn from, at least "
            f"{FEWEST_PEOPLE} are needed: add videos{remedy}"
        )


def _check_cameras(chosen: list[Tracklet], way: Way, name: str) -> None:
    if way == "ccafl" and len({each.camera for each in chosen}) < 2:
        raise GalleryError(
            f"{name}: has one camera, and method=ccafl learns to link people of several: name another method"
        )


def _notes(learned: Learned, division: Division, persons: Persons, way: Way) -> list[str]:
    notes = []
    if len({each.camera for each in learned.tracklets}) == 1:
        notes.append("All tracklets are of one camera: nothing shows the model how people look in another.")
    if left_out := [each for each in persons.contradicted if way != "cluster-contrast"]:
        notes.append(
            f"{len(left_out):,} people were left out, for somebody said that two of their tracklets are two people: "
            "`passerby gallery identify` parts them."
        )
    unknown = len(division.learned) - len(learned.tracklets)
    if unknown:
        notes.append(f"{unknown:,} tracklets were not learned from: their people have too few, or nobody knows them.")
    return notes
