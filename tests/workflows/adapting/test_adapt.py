"""A model learns from a gallery end to end: judged, embedded with, resumed, and nothing of anybody is left behind."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import passerby
from passerby.cli import app
from passerby.errors import GalleryError
from passerby.gallery.gallery import open_gallery
from passerby.models.checkpoint import read_tensors
from passerby.training.interruption import InterruptedRunError
from passerby.workflows.adapting import adapt as adapt_module
from passerby.workflows.adapting import training
from tests.workflows.adapting.worlds import (
    CROPS,
    QUICK,
    nano_run,
    person_of,
    picture,
    sights,
    weights_of,
    write_gallery,
)

PEOPLE, HELD = 20, 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network, and a gallery of confirmed people in two cameras."""
    folder = tmp_path_factory.mktemp("made")
    write_gallery(folder / "gallery", nano_run(folder), sights(PEOPLE))
    return folder


@pytest.fixture
def gallery(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "gallery", tmp_path / "gallery"))


@pytest.fixture(scope="module")
def finished(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a gallery and of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(made / "gallery", folder / "gallery")
    learn(folder)
    return folder


def learn(folder: Path, **choices: Any) -> Any:
    said = {"method": "identities", "overrides": QUICK, "device": "cpu", "even_if_worse": True, **choices}
    return passerby.adapt(folder / "gallery", folder / "run", **said)


def test_a_model_learns_is_judged_and_the_gallery_embeds_with_it(finished: Path) -> None:
    record = json.loads((finished / "run" / "adaptation.json").read_text())
    outcome = record["outcome"]
    assert (outcome["measure"], outcome["people"], outcome["held_people"]) == ("people", PEOPLE - HELD, HELD)
    assert (outcome["tracklets"], outcome["pictures"]) == (2 * (PEOPLE - HELD), 2 * CROPS * (PEOPLE - HELD))
    assert set(outcome["before"]) == set(outcome["after"]) == {"mAP", "rank1"}
    assert outcome["worse"] == (outcome["after"]["mAP"] < outcome["before"]["mAP"])
    with open_gallery(finished / "gallery") as opened:
        old, new = opened.models()
        assert new.name == str(finished / "run")
        assert len(opened.features(opened.numbers(), new)) == len(opened.features(opened.numbers(), old)) == 2 * PEOPLE
        expected = passerby.load(finished / "run").embed([_file(finished, person=3, frame=f) for f in range(CROPS)])
        mean = expected.mean(0) / np.linalg.norm(expected.mean(0))
        number = next(n for n in opened.numbers() if opened.get([n])[0].key == "person003/camera0")
        assert opened.feature(number, new) == pytest.approx(mean, abs=2e-3)
        assert "adapt" in [entry.action for entry in opened.log()]
    hits = passerby.search(finished / "gallery", passerby.Query(pictures=[_file(finished, person=3, frame=0)]), count=3)
    assert len(hits) == 3  # by the newest model, found by its name


def _file(folder: Path, *, person: int, frame: int) -> Path:
    file = folder / f"{person}-{frame}.jpg"
    file.write_bytes(picture(person, 0, frame))
    return file


def test_the_run_keeps_nothing_of_anybody(finished: Path) -> None:
    files = [file for file in (finished / "run").rglob("*") if file.is_file() and not file.name.startswith(".")]
    assert sorted(file.name for file in files) == [
        "adaptation.json",
        "environment.json",
        "metrics.jsonl",
        "model.safetensors",
        "recipe.yaml",
    ]
    rows = [
        name
        for name in read_tensors(finished / "run" / "model.safetensors")
        if "classifier" in name or "cls_ctx" in name
    ]
    assert rows == []
    content = b"".join(file.read_bytes() for file in files)
    assert not any(picture(person, 0, 0)[200:260] in content for person in range(PEOPLE))
    assert b"person0" not in content
    with open_gallery(finished / "gallery") as opened:
        assert not opened.has_lent(finished / "run" / "learning")


def test_the_same_again_changes_nothing_and_another_request_is_refused(finished: Path) -> None:
    before = (finished / "run" / "model.safetensors").read_bytes()
    again = learn(finished)
    assert again.embedded == 0
    assert (finished / "run" / "model.safetensors").read_bytes() == before
    with pytest.raises(GalleryError, match=r"seed: is 5, but .*run was begun with 1234: say the same, or name another"):
        learn(finished, seed=5)


def test_a_run_of_another_gallery_is_not_taken_for_its_own(finished: Path, made: Path, tmp_path: Path) -> None:
    other = write_gallery(tmp_path / "other", made / "nano", sights(PEOPLE))
    with pytest.raises(GalleryError, match="was begun with another gallery: name another folder with --out"):
        passerby.adapt(other, finished / "run", overrides=QUICK)


def test_who_is_held_back_is_not_learned_from(gallery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, set[str]] = {}

    def stopped(recipe: Any, run: Path, *, resume: bool) -> None:
        table = pq.read_table(recipe.data.name).to_pylist()
        with open_gallery(gallery) as opened:
            for row in table:
                seen.setdefault(row["identity"], set()).add(person_of(opened, int(row["track"])))
        raise InterruptedRunError(run)

    monkeypatch.setattr(training, "train_recipe", stopped)
    with pytest.raises(InterruptedRunError, match="interrupted; the same command goes on where it was"):
        learn(gallery.parent)
    held = json.loads((gallery.parent / "run" / "learning" / "plan.json").read_text())["held"]
    with open_gallery(gallery) as opened:
        held_people = {person_of(opened, number) for number, _ in held}
    assert [len(people) for people in seen.values()] == [1] * (PEOPLE - HELD)
    learned = set().union(*seen.values())
    assert learned & held_people == set()
    assert len(learned | held_people) == PEOPLE


def test_a_killed_run_goes_on_and_ends_with_the_same_weights(gallery: Path, finished: Path) -> None:
    folder = gallery.parent
    command = [sys.executable, "-m", "passerby", "adapt", str(gallery), "-o", str(folder / "run"), "--device", "cpu"]
    command += ["--method", "identities"]
    process = subprocess.Popen([*command, *QUICK], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    checkpoints = folder / "run" / "learning" / "run" / "checkpoints"
    until = time.monotonic() + 120
    while not (checkpoints.is_dir() and any(checkpoints.iterdir())) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "run" / "model.safetensors").exists()
    learn(folder)
    ours, theirs = weights_of(folder / "run"), weights_of(finished / "run")
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_who_is_erased_meanwhile_leaves_the_run_which_begins_anew(
    gallery: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = gallery.parent
    _interrupt(folder, monkeypatch)
    with open_gallery(gallery) as opened:
        rows = pq.read_table(folder / "run" / "learning" / "people.parquet").to_pylist()
        number = int(rows[0]["track"])
        receipt = opened.erase([number])
    assert (receipt.files_removed, receipt.files_left) == (1, [])
    assert sorted(file.name for file in (folder / "run").iterdir() if file.name[0] != ".") == ["adaptation.json"]
    outcome = learn(folder).outcome
    assert "somebody was erased whom it learned from: it begins anew" in capsys.readouterr().err
    assert (outcome.people, outcome.tracklets) == (PEOPLE - HELD - 1, 2 * (PEOPLE - HELD - 1))


def _interrupt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(recipe: Any, run: Path, *, resume: bool) -> None:
        (run / "checkpoints").mkdir(parents=True)
        (run / "checkpoints" / "stage.ckpt").write_bytes(b"features of people")
        raise InterruptedRunError(run)

    with monkeypatch.context() as patch:
        patch.setattr(training, "train_recipe", interrupted)
        with pytest.raises(InterruptedRunError):
            learn(folder)


def test_a_worse_model_is_said_to_be_and_not_embedded_with(gallery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = iter([{"mAP": 0.9, "rank1": 0.8}, {"mAP": 0.4, "rank1": 0.9}])
    monkeypatch.setattr(adapt_module, "judge", lambda *_: next(figures))
    command = ["adapt", str(gallery), "-o", str(gallery.parent / "run"), "--device", "cpu", "--method", "identities"]
    command += QUICK
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "The new model is worse than the gallery's." in result.stdout
    assert [figure in result.stdout for figure in ("90.0", "40.0")] == [True, True]
    with open_gallery(gallery) as opened:
        assert len(opened.models()) == 1
    result = CliRunner().invoke(app, [*command, "--even-if-worse", "--json"])
    assert result.exit_code == 0
    done = json.loads(result.stdout)
    assert (done["embedded"], done["outcome"]["worse"], done["outcome"]["after"]["mAP"]) == (2 * PEOPLE, True, 0.4)
