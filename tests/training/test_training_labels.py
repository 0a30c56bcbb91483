"""Which labels a method gets: of people in all cameras, or of people in one camera each; and never the truth."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from passerby.config import Recipe
from passerby.data.benchmarks import BENCHMARKS
from passerby.data.benchmarks.public_benchmark import Counts, PublishedCounts
from passerby.data.camera_labels import true_identities_of_classes
from passerby.data.split import Split
from passerby.errors import DataError, RecipeError
from passerby.methods import find_method
from passerby.methods.method import Method
from passerby.training.training_data import open_training_data
from tests.data.layouts import write_tree
from tests.methods.ccafl.ccafl_world import ccafl_recipe
from tests.methods.small_world import nano_recipe, write_small_world

CLIP_REID, CCAFL = find_method("clip-reid"), find_method("ccafl")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world") / "market")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = [f"{number}.jpg" for number in range(3)]
    tree = {f"{camera}/{who}": names for camera, who in (("door", 7), ("door", 8), ("hall", 7), ("hall", 9))}
    return write_tree(tmp_path_factory.mktemp("folders"), tree)


def trained_on(recipe: Recipe, method: Method[Any, Any]) -> Split:
    return open_training_data(recipe, method, decode=False).training.split


def test_a_method_gets_the_labels_that_it_learns_from(world: Path) -> None:
    everywhere = trained_on(nano_recipe(world), CLIP_REID)
    assert (everywhere.scope, everywhere.identity_count) == ("global", 4)
    inside = trained_on(ccafl_recipe(world), CCAFL)
    assert (inside.scope, inside.identity_count) == ("camera", 8)
    assert inside.identity_names[:2] == ("1/0001", "1/0002")
    truth = true_identities_of_classes(inside)
    assert truth is not None
    assert truth.tolist() == [0, 1, 2, 3] * 2, "for statistics of those that link classes"


def test_every_pair_of_camera_and_person_can_be_a_class_of_its_own(world: Path, folders: Path) -> None:
    split = trained_on(nano_recipe(world, "data.labels=camera"), CLIP_REID)
    assert (split.scope, split.identity_count, split.true_identities) == ("camera", 8, None)
    recipe = nano_recipe(world, "data.labels=camera", f"data.name={folders}", "data.root=null")
    assert trained_on(recipe, CLIP_REID).identity_names == ("door/7", "door/8", "hall/7", "hall/9")


def test_labels_that_do_not_fit_the_method_are_refused(world: Path, folders: Path) -> None:
    local = (f"data.name={folders}", "data.root=null")
    with pytest.raises(RecipeError, match="inside each camera only, and clip-reid learns from labels that hold in all"):
        trained_on(nano_recipe(world, *local), CLIP_REID)
    with pytest.raises(RecipeError, match=r"data.labels=global: ccafl learns from labels that hold inside each camera"):
        trained_on(ccafl_recipe(world, "data.labels=global"), CCAFL)
    with pytest.raises(RecipeError, match=r"data.validation.identities: the labels of .* hold inside each camera only"):
        trained_on(ccafl_recipe(world, *local, "data.validation.identities=1"), CCAFL)


def test_cameras_must_be_known(tmp_path: Path, world: Path) -> None:
    people = write_tree(tmp_path, {"ann": ["1.jpg"], "bob": ["2.jpg"]})
    with pytest.raises(DataError, match="the cameras are unknown"):
        trained_on(ccafl_recipe(world, f"data.name={people}", "data.root=null"), CCAFL)


def test_people_can_be_set_aside_where_everybody_is_known(world: Path) -> None:
    data = open_training_data(ccafl_recipe(world, "data.validation.identities=1"), CCAFL, decode=False)
    assert data.training.split.identity_count == 6
    assert data.validation is not None
    assert data.validation[0].scope == "global"


@pytest.mark.parametrize("expected", [8, (4, 4)])
def test_a_published_training_half_has_the_published_classes(
    expected: int | tuple[int, ...], world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = PublishedCounts(Counts(32, 4, 2), None, None, camera_classes=expected)
    monkeypatch.setitem(BENCHMARKS, "market-layout", replace(BENCHMARKS["market-layout"], counts=counts))
    assert trained_on(ccafl_recipe(world), CCAFL).identity_count == 8
    wrong = replace(counts, camera_classes=9 if isinstance(expected, int) else (4, 5))
    monkeypatch.setitem(BENCHMARKS, "market-layout", replace(BENCHMARKS["market-layout"], counts=wrong))
    with pytest.raises(DataError, match=r"market-layout, made camera-local, has 8 classes .4 and 4 in the cam"):
        trained_on(ccafl_recipe(world), CCAFL)
    assert trained_on(ccafl_recipe(world, "data.check_counts=false"), CCAFL).identity_count == 8
    assert trained_on(nano_recipe(world), CLIP_REID).identity_count == 4, "no matter to those that need no such labels"


def test_what_the_labels_are_is_said(folders: Path, world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write_tree(folders.parent / "one", {"door/7": ["1.jpg", "2.jpg"], "door/8": ["3.jpg"], "door/9": ["4.jpg"]})
    trained_on(ccafl_recipe(world, f"data.name={one}", "data.root=null"), CCAFL)
    said = capsys.readouterr().err
    assert "camera-local labels: 3 classes (of one camera)" in said
    assert "all labels are of one camera" in said
    assert "with a single image in their camera: 2 of 3" in said


def test_images_that_are_left_out_leave_classes_in_order(world: Path) -> None:
    left_out = np.arange(4)  # all of the first person by the first camera
    data = open_training_data(ccafl_recipe(world), CCAFL, left_out=left_out)
    names = data.training.split.identity_names
    assert (len(names), names[0]) == (7, "1/0002")


def test_a_run_goes_on_without_the_decisions_it_has_a_copy_of(
    folders: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    local = (f"data.name={folders}", "data.root=null", "association.constraints=~/constraints.csv")
    recipe, file = ccafl_recipe(world, *local), tmp_path / "constraints.csv"
    file.write_text("decision,camera_a,local_identity_a,camera_b,local_identity_b\nmust-link,door,7,hall,9\n")
    assert trained_on(recipe, CCAFL).identity_count == 4
    file.unlink()
    with pytest.raises(DataError, match=r"constraints .*constraints\.csv cannot be read: No such file"):
        trained_on(recipe, CCAFL)
    going_on = open_training_data(recipe, CCAFL, decode=False, left_out=np.empty(0, np.int64))
    assert going_on.training.split.identity_count == 4
