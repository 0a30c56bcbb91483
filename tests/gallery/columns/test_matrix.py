"""Columns in memory follow the gallery, whatever happens to it, and are those that reading anew gives."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerby.gallery.columns import growing, reading
from passerby.gallery.columns.columns import Columns
from passerby.gallery.columns.matrix import Matrix, best
from passerby.gallery.gallery import open_gallery
from passerby.gallery.stores.sqlite import SqliteDatabase
from tests.gallery.people import MODEL, made_up, unit

STEPS = st.lists(st.tuples(st.sampled_from(["add", "erase", "name"]), st.integers(0, 50)), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, full=st.sampled_from([0, 10, 1_000]))
def test_columns_that_were_kept_up_are_those_of_a_new_reader(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, int]], full: int
) -> None:
    monkeypatch.setattr(reading, "_AT_ONCE", 4)
    monkeypatch.setattr(reading, "_IDENTITIES_AT_ONCE", 3)
    monkeypatch.setattr(reading, "_FULL_PRECISION", full)
    monkeypatch.setattr(growing, "_LEAST_ROOM", 2)
    folder: Path = tmp_path_factory.mktemp("gallery")
    with open_gallery(folder, create=True) as gallery:
        gallery.add(made_up(9, seed=100))
        gallery.identify(threshold=0.9)
        database = SqliteDatabase(folder)
        kept = Matrix(database, 1, MODEL.dim)
        kept.columns()
        for seed, (what, which) in enumerate(steps):
            there = gallery.numbers()
            if what == "add":
                gallery.add(made_up(which % 7, seed=seed))
            elif what == "erase" and len(there) > 1:
                gallery.erase([there[which % len(there)]])
            elif what == "name":
                gallery.identify(threshold=0.1 + which / 60)
            own, fresh = kept.columns(), _asked_twice(Matrix(database, 1, MODEL.dim))
            for field in fields(own):
                assert np.array_equal(getattr(own, field.name), getattr(fresh, field.name)), field.name
            assert own.tracklets.tolist() == gallery.numbers()
            assert (own.exact is None) == (len(own.tracklets) > full)
            assert own.exact is None or np.array_equal(own.exact, own.features.astype(np.float32))
        database.close()


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 1), count=st.integers(1, 60), seed=st.integers(0, 5))
def test_the_best_rows_are_those_of_a_sort_with_and_without_float32(
    some_columns: Columns, share: float, count: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    query = unit(generator.standard_normal(MODEL.dim))
    rows = np.flatnonzero(generator.random(len(some_columns.tracklets)) < share)
    alike = some_columns.features.astype(np.float64) @ query
    for chosen in (rows, None):
        for columns in (some_columns, replace(some_columns, exact=None)):
            found, scores = best(columns, query, chosen, count)
            among = np.arange(len(alike)) if chosen is None else chosen
            assert found.tolist() == among[np.argsort(-alike[among], kind="stable")][:count].tolist()
            assert scores == pytest.approx(alike[found], abs=1e-6)


@pytest.fixture(scope="module")
def some_columns(tmp_path_factory: pytest.TempPathFactory) -> Columns:
    folder = tmp_path_factory.mktemp("gallery")
    with open_gallery(folder, create=True) as gallery:
        gallery.add(made_up(300, people=30))
    database = SqliteDatabase(folder)
    columns = _asked_twice(Matrix(database, 1, MODEL.dim))
    database.close()
    assert columns.exact is not None
    return columns


def _asked_twice(matrix: Matrix) -> Columns:
    """Columns with float32, which the first search does without."""
    assert matrix.columns().exact is None
    return matrix.columns()
