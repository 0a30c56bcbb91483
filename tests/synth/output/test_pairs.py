"""Pairs on the fly: the same wherever and whenever they are drawn."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from passerby.errors import DataError
from passerby.synth.output.pairs import Pair, Pairs
from passerby.synth.words.captions import PHRASINGS, describe

PAIRS = Pairs(seed=5, size=(64, 32), places=2)


def same(first: Pair, second: Pair) -> bool:
    return bool((first.image == second.image).all()) and first[1:] == second[1:]


def test_a_pair_depends_on_seed_and_index_alone() -> None:
    forward = [PAIRS[index] for index in range(6)]
    again = Pairs(seed=5, size=(64, 32), places=2)
    assert all(same(again[index], forward[index]) for index in reversed(range(6)))
    other = Pairs(seed=6, size=(64, 32), places=2)
    assert not any(same(other[index], forward[index]) for index in range(6))


def test_pairs_are_the_same_in_another_process() -> None:
    copy = pickle.loads(pickle.dumps(PAIRS))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert same(pool.submit(copy.__getitem__, 3).result(timeout=240), PAIRS[3])


def test_pairs_show_people_and_describe_them() -> None:
    pairs = [PAIRS[index] for index in range(30)]
    assert all(pair.image.shape == (64, 32, 3) and pair.image.dtype == np.uint8 for pair in pairs)
    assert np.mean([pair.visible >= PAIRS.least_visible for pair in pairs]) > 0.95
    assert len({pair.caption for pair in pairs}) > 25
    assert len({pair.caption.split(" in ")[0] for pair in pairs}) > 5
    for pair in pairs:
        lengths = [len(describe(pair.seen, np.random.default_rng(0), phrasing=way)) for way in range(PHRASINGS)]
        assert len(pair.caption) <= max(lengths) + 60
        if "sex" in pair.seen:
            assert pair.seen["sex"] in pair.caption


def test_values_out_of_range_are_named() -> None:
    with pytest.raises(DataError, match="places"):
        Pairs(seed=0, places=13)
    with pytest.raises(DataError, match="index"):
        PAIRS[-1]
