"""Who wears what, and who resembles whom."""

from collections import Counter

import numpy as np

from passerby.synth.people.wardrobe import ATTRIBUTES, FAMILY, REDRAWN, dress, matters, values

CROWD = [dress(7, identity) for identity in range(600)]


def test_everybody_has_a_known_value_of_every_attribute() -> None:
    known = {name: set(values(name)) for name in ATTRIBUTES}
    for wears in CROWD:
        assert tuple(wears) == ATTRIBUTES
        assert all(wears[name] in known[name] for name in ATTRIBUTES)


def test_families_differ_in_a_few_attributes_and_strangers_in_many() -> None:
    def differences(first: int, second: int) -> int:
        return sum(CROWD[first][name] != CROWD[second][name] for name in ATTRIBUTES)

    within = [
        differences(i, j) for i in range(len(CROWD)) for j in range(i + 1, len(CROWD)) if i // FAMILY == j // FAMILY
    ]
    assert max(within) <= 2 * REDRAWN
    assert np.mean(within) > 1.5
    without = [differences(i, i + FAMILY) for i in range(len(CROWD) - FAMILY)]
    assert np.mean(without) > 2.5 * np.mean(within)


def test_look_alikes_are_of_the_same_sex() -> None:
    assert all(CROWD[i]["sex"] == CROWD[i - i % FAMILY]["sex"] for i in range(len(CROWD)))


def test_the_street_has_its_colours() -> None:
    colours = Counter(wears["upper_colour"] for wears in CROWD)
    assert colours["black"] > colours["teal"]
    assert len(colours) > 12
    assert Counter(wears["lower"] for wears in CROWD if wears["sex"] == "man")["skirt"] == 0


def test_a_person_does_not_depend_on_others_but_on_the_seed() -> None:
    assert dress(7, 42) == CROWD[42]
    assert sum(dress(8, i) == CROWD[i] for i in range(50)) == 0


def test_what_is_not_there_does_not_matter() -> None:
    for wears in CROWD:
        assert matters(wears, "bag_colour") == (wears["bag"] != "none")
        assert matters(wears, "lower_colour") == (wears["lower"] != "dress")
        if wears["pattern"] != "plain" and matters(wears, "pattern_colour"):
            assert wears["face"] != "beard" or wears["sex"] == "man"
