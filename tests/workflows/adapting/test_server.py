"""A gallery on a PostgreSQL server is learned from as one in a folder is: embedded with, erased from, resumed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import passerby
from passerby.cli import app
from passerby.gallery.gallery import open_gallery
from passerby.training.interruption import InterruptedRunError
from passerby.workflows.adapting import training
from tests.gallery.conftest import postgres, postgres_store
from tests.gallery.servers import Store
from tests.workflows.adapting.test_choosing import with_features
from tests.workflows.adapting.worlds import QUICK, nano_run, picture, sights, write_gallery

__all__ = ["postgres", "postgres_store"]

PEOPLE, HELD = 20, 5


@pytest.fixture
def shared(postgres_store: Store, tmp_path: Path) -> str:
    """The address of a gallery of confirmed people in two cameras."""
    write_gallery(postgres_store.location, nano_run(tmp_path), sights(PEOPLE))
    return postgres_store.location


def _interrupt(address: str, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(recipe: Any, folder: Path, *, resume: bool) -> None:
        raise InterruptedRunError(folder)

    with monkeypatch.context() as patch:
        patch.setattr(training, "train_recipe", interrupted)
        with pytest.raises(InterruptedRunError):
            passerby.adapt(address, run, method="identities", overrides=QUICK, device="cpu", even_if_worse=True)


def test_a_server_s_gallery_is_learned_from_erased_from_and_embeds(
    shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    _interrupt(shared, run, monkeypatch)
    learning = run / "learning"
    with open_gallery(shared) as opened:
        assert opened.has_lent(learning)
        number = int(pq.read_table(learning / "people.parquet")["track"][0].as_py())
        assert opened.erase([number]).files_removed == 1
    assert not learning.exists()
    command = ["adapt", shared, "-o", str(run), "--method", "identities", "--device", "cpu", "--json"]
    result = CliRunner().invoke(app, [*command, "--even-if-worse", *QUICK])
    assert result.exit_code == 0, result.output
    done = json.loads(result.stdout)
    assert (done["outcome"]["people"], done["embedded"]) == (PEOPLE - HELD - 1, 2 * PEOPLE - 1)
    assert not learning.exists()
    with open_gallery(shared) as opened:
        old, new = opened.models()
        assert (new.name, opened.has_lent(learning)) == (str(run), False)
        assert len(opened.features(opened.numbers(), old)) == len(opened.features(opened.numbers(), new))
        kept = next(each for each in opened.get(opened.numbers()) if each.key == "person003/camera0")
        files = [tmp_path / f"{frame}.jpg" for frame in range(3)]
        for frame, file in enumerate(files):
            file.write_bytes(picture(3, 0, frame))
        mean = passerby.load(run).embed(files).mean(0)
        assert opened.feature(kept.number, new) == pytest.approx(mean / np.linalg.norm(mean), abs=2e-3)
        assert [entry.action for entry in opened.log()].count("adapt") == 2
        assert opened.verify() == []


@pytest.mark.parametrize(
    "command",
    [
        ["adapt", "-o", "run"],
        ["gallery", "identify"],
        ["search", "--tracklet", "1"],
        ["gallery", "index-features"],
    ],
)
def test_no_message_shows_the_password_of_a_server(
    postgres_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    with open_gallery(postgres_store.location, create=True) as opened:
        opened.add(with_features(sights(2)))
    named = postgres_store.location.replace("postgres:@", "postgres:hush-hush@")
    assert "hush-hush" in named
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [*command, "--model", "tiny-clip", named])
    assert result.exit_code != 0
    assert "has no features of tiny-clip" in str(result.exception)
    assert "hush-hush" not in str(result.exception) + result.output
