"""A fingerprint is of the data, not of the place it lies in."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from passerby.data.benchmarks import load_benchmark
from passerby.data.fingerprint import fingerprint
from passerby.data.split import Split
from tests.methods.small_world import write_small_world


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return write_small_world(tmp_path / "world")


def training(root: Path) -> Split:
    return load_benchmark("market-layout", root).training_split()


def test_a_copy_elsewhere_is_the_same_data(world: Path, tmp_path: Path) -> None:
    shutil.copytree(world, tmp_path / "copy")
    assert fingerprint(training(world)) == fingerprint(training(tmp_path / "copy"))
    assert len(fingerprint(training(world))) == 32


def test_pictures_of_the_same_names_are_other_data(world: Path, tmp_path: Path) -> None:
    other = write_small_world(tmp_path / "other", seed=1)
    assert training(other).paths.to_pylist() == training(world).paths.to_pylist()
    assert fingerprint(training(other)) != fingerprint(training(world))


@pytest.mark.parametrize(
    "change",
    [
        lambda split: replace(split, identities=split.identities[::-1].copy()),
        lambda split: replace(split, identity_names=("x", *split.identity_names[1:])),
        lambda split: replace(split, cameras=None, camera_names=()),
        lambda split: replace(split, cameras=1 - split.cameras),
        lambda split: replace(split, camera_names=("left", "right")),
        lambda split: replace(split, tracks=np.arange(len(split))),
        lambda split: replace(split, paths=pa.array([*split.paths.to_pylist()[:-1], "gone.jpg"])),
        lambda split: split.take(np.arange(len(split) - 1)),
    ],
    ids=["identities", "identity names", "no cameras", "cameras", "camera names", "tracks", "a path", "a row less"],
)
def test_everything_but_the_root_counts(world: Path, change: Callable[[Split], Split]) -> None:
    split = training(world)
    assert fingerprint(change(split)) != fingerprint(split)


def test_an_empty_split_has_one_too(world: Path) -> None:
    assert fingerprint(training(world).take(np.arange(0)))
