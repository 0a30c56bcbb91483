"""CCAFL from end to end on labels that hold inside their camera: trained, judged, shown and corrected; truth unseen."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from passerby.config import read_recipe
from passerby.data.constraints import COLUMNS
from passerby.methods.ccafl.association.files import association_epochs, read_association
from passerby.models.checkpoint import read_tensors
from passerby.runs.request import TrainingRequest, checked_recipe
from passerby.training.runner import train
from passerby.workflows.train import run_seeds
from tests.methods.ccafl.ccafl_world import NANO
from tests.methods.small_world import write_small_world


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world") / "market")


@pytest.fixture(scope="module")
def folders(market: Path) -> Path:
    """The same images as camera/identity/*.jpg, below train, query and gallery; who is who in train has no meaning."""
    root = market.parent / "folders"
    for part, name in (("bounding_box_train", "train"), ("query", "query"), ("bounding_box_test", "gallery")):
        for image in sorted((market / part).glob("*.jpg")):
            person, camera = image.name.split("_")[:2]
            who = person if name != "train" else f"{camera}-{9 - int(person)}"
            (root / name / camera[:2] / who).mkdir(parents=True, exist_ok=True)
            shutil.copy(image, root / name / camera[:2] / who / image.name)
    return root


def test_from_folders_to_a_page_and_back(folders: Path, tmp_path: Path) -> None:
    data = (f"data.name={folders}", f"data.cache_folder={tmp_path / 'cache'}")
    (outcome,) = run_seeds(TrainingRequest("ccafl-tiny", (*NANO, *data), out=tmp_path / "run"), 1)
    assert [each.metrics["valid_queries"] for each in outcome.evaluations] == [8]
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["links"] for line in lines if line.get("links") is not None] == [
        each.links for each in association_epochs(tmp_path / "run").values()
    ]
    kept = read_association(tmp_path / "run")
    assert kept.statistics.pair_precision is None, "nobody knows"
    page = tmp_path / "run/report/associations.html"
    assert f"{kept.association.clusters:,}" in page.read_text("utf-8")
    first, second = kept.association.links[0].tolist()
    ends = [f"{kept.cameras[number]},{kept.local_identities[number]}" for number in (first, second)]
    decisions = tmp_path / "constraints.csv"
    decisions.write_text(f"{','.join(COLUMNS)}\ncannot-link,{ends[0]},{ends[1]}\n")
    recipe = checked_recipe(read_recipe("ccafl-tiny", (*NANO, *data, f"association.constraints={decisions}")))
    train(recipe, tmp_path / "again")
    for epoch in association_epochs(tmp_path / "again"):
        labels = read_association(tmp_path / "again", epoch).association.labels
        assert not labels[first] == labels[second] != -1


def table(market: Path, truth: list[str] | None, name: str) -> Path:
    """A table of the training images, labelled inside their camera, with these true identities."""
    images = sorted((market / "bounding_box_train").glob("*.jpg"))
    rows = []
    for number, image in enumerate(images):
        person, camera = image.name.split("_")[:2]
        rows.append(f"bounding_box_train/{image.name},{camera[:2]},{person}" + (f",{truth[number]}" if truth else ""))
    file = market / f"{name}.csv"
    file.write_text("\n".join(["path,camera,local_identity" + (",true_identity" if truth else ""), *rows]) + "\n")
    return file


def test_true_identities_change_figures_and_nothing_else(market: Path, tmp_path: Path) -> None:
    people = [image.name[:4] for image in sorted((market / "bounding_box_train").glob("*.jpg"))]
    permuted = np.random.default_rng(5).permutation(people).tolist()
    weights, losses, judged = [], [], []
    for name, truth in (("true", people), ("permuted", permuted), ("unknown", None)):
        data = (f"data.name={table(market, truth, name)}", f"data.cache_folder={market / 'cache'}")
        run = tmp_path / name
        train(checked_recipe(read_recipe("ccafl-tiny", (*NANO, *data))), run)
        weights.append(read_tensors(run / "model.safetensors"))
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        timeless = [{key: value for key, value in line.items() if key != "seconds"} for line in lines]
        figures = ("pair_precision", "pair_recall", "link_precision", "link_recall")
        judged.append([[line.get(figure) for figure in figures] for line in timeless])
        losses.append([{key: value for key, value in line.items() if key not in figures} for line in timeless])
    assert losses[0] == losses[1] == losses[2]
    for other in weights[1:]:
        assert weights[0].keys() == other.keys()
        assert all(weights[0][key].equal(other[key]) for key in other)
    assert judged[0] != judged[1] != judged[2], "or this test compares nothing"
    columns = pq.read_schema(tmp_path / "true/associations/epoch-001-links.parquet").names
    assert not any("true" in column for column in columns)
