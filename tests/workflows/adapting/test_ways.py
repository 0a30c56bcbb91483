"""Which model begins which way of learning, by which recipe, and what is said where it cannot."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import passerby
from passerby.data.camera_labels import CameraLabels, camera_labels, camera_local
from passerby.data.constraints import read_constraints
from passerby.data.split import Split, split_from_names
from passerby.errors import CheckpointError, GalleryError, RecipeError
from passerby.gallery.gallery import open_gallery
from passerby.gallery.identities.decisions import Decision
from passerby.gallery.identities.people import Identity
from passerby.gallery.records import Tracklet
from passerby.methods.cluster_contrast.constraints import constraints_of
from passerby.runs.request import TrainingRequest, resolve_recipe
from passerby.workflows.adapting.constraints import write_camera_constraints, write_tracklet_constraints
from passerby.workflows.adapting.learning_data import Learned
from passerby.workflows.adapting.persons import persons_to_learn
from passerby.workflows.adapting.recipes import learning_plan
from passerby.workflows.adapting.starts import Start, open_start
from tests.inference.test_file_embedder import write_model
from tests.workflows.adapting.worlds import QUICK, nano_run, sights, write_gallery

TRANSFORM = {"size": [128, 64], "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}
TOWERS = {"method": "clip-pretrain", "shape": {"architecture": "vit-tiny-6", "stride": None}}
STARTS = {
    "towers": Start("tiny-clip", Path("/x/tiny-clip.safetensors"), {**TOWERS, "transform": TRANSFORM}, "towers"),
    "clip-reid": Start("r", Path("/r"), {"shape": TOWERS["shape"], "transform": TRANSFORM}, "clip-reid"),
    "ccafl": Start("r", Path("/r"), {"shape": TOWERS["shape"], "transform": TRANSFORM}, "ccafl"),
    "backbone": Start("b", Path("/b"), {"architecture": "resnet_tiny_ibn", "transform": TRANSFORM}, "backbone"),
    "own": Start("c", Path("/c"), {"architecture": "clip:vit-tiny-6", "transform": TRANSFORM}, "backbone"),
}
WORKS = [
    ("identities", "towers", "clip-reid"),
    ("identities", "clip-reid", "clip-reid"),
    ("identities", "backbone", "finetune"),
    ("identities", "own", "finetune"),
    ("cluster-contrast", "towers", "cluster-contrast"),
    ("cluster-contrast", "backbone", "cluster-contrast"),
    ("cluster-contrast", "own", "cluster-contrast"),
    ("cion", "towers", "cion"),
    ("cion", "backbone", "cion"),
    ("cion", "own", "cion"),
    ("ccafl", "towers", "ccafl"),
    ("ccafl", "ccafl", "ccafl"),
]


def _resolved(way: Any, start: str, **more: Any) -> Any:
    plan = learning_plan(way, STARTS[start], **{"people": 9, "seed": 3, **more})
    changes = [f"{key}={json.dumps(value)}" for key, value in plan.changes.items()]
    return resolve_recipe(TrainingRequest(plan.recipe, (*changes, "data.name=people.parquet")))


@pytest.mark.parametrize(("way", "start", "method"), WORKS)
def test_each_way_has_a_recipe_that_keeps_the_network_and_its_pixels(way: Any, start: str, method: str) -> None:
    recipe = _resolved(way, start)
    pixels = recipe.views if method == "cion" else recipe.augmentation
    assert (recipe.method, recipe.seed, recipe.model.image_size) == (method, 3, (128, 64))
    assert (pixels.mean, pixels.std) == ((0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    network = recipe.model.architecture if hasattr(recipe.model, "architecture") else recipe.model.backbone
    assert network in ("vit-tiny-6", "clip:vit-tiny-6", "resnet_tiny_ibn")
    begins = str(recipe.init) if recipe.init else str(recipe.model.weights)
    assert begins in ("tiny-clip", "/r", "/b", "/c")


def test_batches_take_no_more_people_than_there_are() -> None:
    assert _resolved("identities", "towers").stage2.identities_per_batch == 9
    assert _resolved("ccafl", "towers").stages2and3.identities_per_batch == 9
    few, many = _resolved("cion", "backbone").training, _resolved("cion", "backbone", people=12).training
    assert (few.batch_size, few.images_per_identity) == (18, (2,))
    assert (many.batch_size, many.images_per_identity) == (24, (2, 4, 6, 8))
    assert _resolved("identities", "towers", people=500).stage2.identities_per_batch == 16


@pytest.mark.parametrize(
    ("way", "start", "able"),
    [
        ("ccafl", "backbone", "identities or cluster-contrast or cion"),
        ("cion", "clip-reid", "identities"),
        ("identities", "ccafl", "ccafl"),
    ],
)
def test_a_way_that_cannot_begin_names_those_that_can(way: Any, start: str, able: str) -> None:
    with pytest.raises(RecipeError, match=rf"method={way}: cannot begin with .*: choose {able}, or begin with another"):
        learning_plan(way, STARTS[start], people=9, seed=3)


def test_a_model_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    file = write_model(tmp_path / "model.onnx")
    gallery = write_gallery(tmp_path / "gallery", file, sights(20))
    with pytest.raises(CheckpointError, match=r"model\.onnx is a model file, which only computes"):
        passerby.adapt(gallery, tmp_path / "run")
    assert not (tmp_path / "run" / "adaptation.json").exists()
    file.unlink()
    with pytest.raises(CheckpointError, match=r"the gallery's model .* cannot be opened .* by --init"):
        passerby.adapt(gallery, tmp_path / "run")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_gallery(folder / "gallery", nano_run(folder), sights(20))
    return folder


@pytest.fixture
def gallery(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "gallery", tmp_path / "gallery"))


CLUSTERS = ("training.epochs=1", "training.iterations=2", "training.identities_per_batch=4", "clustering.k1=3")
CCAFL = (
    "stage1.epochs=1", "stages2and3.epochs=2", "stages2and3.intra_epochs=1", "stages2and3.iterations=2",
    "stages2and3.identities_per_batch=4", "stages2and3.images_per_identity=2", "inter.text_from=1",
    "ical.first_epoch=1", "ical.end_epoch=2",
)  # fmt: skip


@pytest.mark.parametrize(
    ("way", "overrides"),
    [
        ("cluster-contrast", (*CLUSTERS, "clustering.eps=0.9", "clustering.k2=1", "clustering.min_samples=2")),
        ("cion", ("training.epochs=2", "training.changes=[]", "training.images_per_identity=[2]", "model.outputs=32")),
        ("ccafl", CCAFL),
    ],
)
def test_tiny_clip_learns_each_way(gallery: Path, tmp_path: Path, way: Any, overrides: tuple[str, ...]) -> None:
    done = passerby.adapt(
        gallery, tmp_path / "run", method=way, init="tiny-clip", overrides=overrides, device="cpu", embed=False
    )
    assert done.embedded is None
    assert done.outcome.method == way
    assert passerby.load(done.folder, device="cpu").embed_dim > 0
    if way == "cluster-contrast":  # everybody is confirmed, so that clusters are people, whatever their features
        lines = [json.loads(line) for line in (done.folder / "metrics.jsonl").read_text().splitlines()]
        assert [(line["clusters"], line["outliers"]) for line in lines if "clusters" in line] == [(15, 0)]
    assert {file.name for file in done.folder.iterdir() if file.name[0] != "."} == {
        "adaptation.json", "environment.json", "metrics.jsonl", "model.safetensors", "recipe.yaml",
    }  # fmt: skip


def test_what_has_learned_learns_again_and_a_foreign_folder_is_left_alone(gallery: Path, tmp_path: Path) -> None:
    choices: dict[str, Any] = {"method": "identities", "overrides": QUICK, "device": "cpu", "even_if_worse": True}
    first = passerby.adapt(gallery, tmp_path / "one", **choices)
    again = passerby.adapt(gallery, tmp_path / "two", **choices)
    assert again.outcome.before == pytest.approx(first.outcome.after, abs=0.02)  # features are kept in half precision
    with open_gallery(gallery) as opened:
        assert [each.name for each in opened.models()[1:]] == [str(tmp_path / "one"), str(tmp_path / "two")]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").touch()
    with pytest.raises(GalleryError, match=r"mine: holds something else already"):
        passerby.adapt(gallery, tmp_path / "mine")
    with pytest.raises(GalleryError, match=r"lies in the folder of a gallery"):
        passerby.adapt(gallery, gallery / "run")
    with pytest.raises(RecipeError, match=r"data\.name: follows from the gallery"):
        passerby.adapt(gallery, tmp_path / "three", method="identities", overrides=("data.name=x",))
    with pytest.raises(RecipeError, match=r"method=labels: is none of identities, cluster-contrast, cion, ccafl"):
        passerby.adapt(gallery, tmp_path / "three", method="labels")


def test_an_official_start_is_opened_and_an_unknown_kind_refused(made: Path) -> None:
    assert open_start("tiny-clip", of_gallery=False).kind == "towers"
    assert open_start(str(made / "nano"), of_gallery=True).kind == "clip-reid"


def test_what_people_said_becomes_constraints_between_cameras(tmp_path: Path) -> None:
    where = {1: "a", 2: "b", 3: "a", 4: "b", 5: "a", 6: "b", 7: "a", 8: "c"}
    people = [
        Identity(10, None, None, True, (1, 2), ("a", "b")),
        Identity(11, None, None, True, (3,), ("a",)),
        Identity(12, None, None, False, (4,), ("b",)),
        Identity(13, None, None, False, (5, 6), ("a", "b")),
        Identity(14, None, None, False, (7, 8), ("a", "c")),
    ]
    said = [Decision(5, 8, False), Decision(3, 4, True), Decision(5, 7, False)]
    persons = persons_to_learn(people, said)
    labels = {number: f"p{persons.of[number]}" for number in where}
    learned = Learned([_at(number, camera) for number, camera in where.items()], labels)
    assert write_camera_constraints(tmp_path, learned, persons, said) == 6
    rows = list(csv.reader((tmp_path / "constraints.csv").open()))[1:]
    assert sorted(map(tuple, rows)) == [
        ("cannot-link", "a", "p13", "c", "p14"),
        ("must-link", "a", "p11", "b", "p11"),
        ("person", "a", "p10", "", "10"),
        ("person", "a", "p11", "", "11"),
        ("person", "b", "p10", "", "10"),
        ("person", "b", "p11", "", "11"),
    ]
    found = read_constraints(tmp_path / "constraints.csv", _camera_labels(learned))
    assert (found.must_link.shape, np.unique(found.persons).tolist()) == ((3, 2), [-1, 0, 1])


def test_what_people_said_of_tracklets_binds_clusters(tmp_path: Path) -> None:
    where = {1: "a", 2: "b", 3: "a", 4: "a", 5: "a", 6: "b", 7: "c", 8: "c", 9: "a"}
    confirmed = {1: 10, 2: 10, 3: 11}
    said = [
        Decision(1, 3, True),  # passed over: both were confirmed since, as two people
        Decision(2, 4, True),
        Decision(5, 6, True),
        Decision(6, 7, True),
        Decision(5, 8, False),
        Decision(1, 2, False),  # likewise: one identity was confirmed since
        Decision(9, 99, False),  # 99 is held back
    ]
    labels = {number: f"p{number}" for number in where}
    learned = Learned([_at(number, camera) for number, camera in where.items()], labels)
    assert write_tracklet_constraints(tmp_path, learned, confirmed, said) == 7
    rows = list(csv.reader((tmp_path / "constraints.csv").open()))[1:]
    assert rows == [
        ["person", "a", "p1", "", "10"],
        ["person", "a", "p3", "", "11"],
        ["person", "a", "p4", "", "10"],
        ["person", "b", "p2", "", "10"],
        ["must-link", "a", "p5", "b", "p6"],
        ["must-link", "b", "p6", "c", "p7"],
        ["cannot-link", "a", "p5", "c", "p8"],
    ]
    constraints = constraints_of(_split(learned), tmp_path / "constraints.csv", None)
    assert constraints is not None
    group = dict(zip(where, constraints.together.tolist(), strict=True))
    assert group[1] == group[2] == group[4] != group[3]
    assert group[5] == group[6] == group[7] != group[8]
    assert (group[9], constraints.apart.tolist()) == (-1, [[group[5], group[8]]])
    assert constraints.known[[group[1], group[3], group[5], group[8]]].tolist() == [True, True, False, False]


def _at(number: int, camera: str) -> Tracklet:
    times: dict[str, Any] = {"taken_from": None, "taken_to": None, "caption": None, "identity": None, "added": None}
    return Tracklet(
        number, f"t{number}", camera, camera, begins=0.0, ends=1.0, frames=1, height=1.0, visible=1.0, **times
    )


def _camera_labels(learned: Learned) -> CameraLabels:
    return camera_labels(camera_local(_split(learned)))


def _split(learned: Learned) -> Split:
    """An image of each tracklet."""
    names = [learned.labels[each.number] for each in learned.tracklets]
    paths = [f"{each.number}.jpg" for each in learned.tracklets]
    return split_from_names(Path(), paths, names, [each.camera for each in learned.tracklets])
