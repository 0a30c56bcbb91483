"""Training in processes of its own: killed, interrupted, and several at once."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.methods.small_world import overrides, write_small_world
from tests.training.started import SECONDS, assert_same_weights, finish, kill_in_mid_epoch, start, state_of, wait_for

LONG = ("stage2.epochs=3", "trainer.checkpoint_every_steps=2", "stage2.identities_per_batch=2")
TWO = ("trainer.devices=2", "stage2.gather_triplets=true")
ENDLESS = ("stage1.epochs=0", "stage2.epochs=1000000")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("long"), identities=24)


@pytest.fixture(autouse=True)
def heeds_ctrl_c() -> Iterator[None]:
    """Started processes heed Ctrl-C even if the tests run in the background, where shells let it be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("more", [(), TWO], ids=["one process", "two processes"])
def test_a_killed_run_resumes_in_mid_epoch_to_the_same_weights(
    world: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    given = overrides(world, *LONG, *more)
    (outcome,) = json.loads(finish(start("train", "clip-reid-vit-tiny", *given, "-o", str(tmp_path / "a"), "--json")))
    assert outcome["evaluations"][0]["mAP"] > 0
    killed = start("train", "clip-reid-vit-tiny", *given, "-o", str(tmp_path / "b"))
    kill_in_mid_epoch(killed, tmp_path / "b")
    assert not (tmp_path / "b" / "model.safetensors").exists()
    finish(start("train", "--resume", str(tmp_path / "b")))
    assert_same_weights(tmp_path / "a", tmp_path / "b")
    figures = [[(e["stage"], e["epoch"], e["steps"], e["loss"]) for e in lines(tmp_path / name)] for name in "ab"]
    assert figures[0] == figures[1]
    assert len(figures[0]) == 5, "a second process writes nothing"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "termination"])
def test_interrupting_says_how_to_continue(number: signal.Signals, world: Path, tmp_path: Path) -> None:
    process = start("train", "clip-reid-vit-tiny", *overrides(world, *ENDLESS), "-o", str(tmp_path / "run"))
    wait_for(state_of(tmp_path / "run").exists, process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 1, errors
    said = errors.strip().splitlines()[-1]
    assert said == f"passerby: interrupted; continue with `passerby train --resume {tmp_path / 'run'}`"
    assert "Traceback" not in errors


def test_ctrl_c_ends_all_processes_and_one_of_them_says_so(world: Path, tmp_path: Path) -> None:
    folder, given = tmp_path / "runs", overrides(world, *ENDLESS, *TWO, "seed=3")
    process = start("train", "clip-reid-vit-tiny", *given, "-o", str(folder), "--seeds", "2", start_new_session=True)
    wait_for(state_of(folder / "seed-3").exists, process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=SECONDS)  # ends only when the last process has closed its standard error
    assert process.returncode == 1, errors
    said = [line for line in errors.splitlines() if line.startswith("passerby: ")]
    assert said == [f"passerby: interrupted; continue with `passerby train --resume {folder} --seeds 2`"]
    assert "Traceback" not in errors
    assert "gloo" not in errors


def test_several_processes_train_several_seeds_and_share_the_work(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NAME": "night",
        "SLURM_NTASKS": "4",
        "SLURM_PROCID": "0",
    }.items():
        monkeypatch.setenv(name, value)  # a script of sbatch, which starts the others itself
    given = overrides(world, *TWO, "stage1.epochs=1", "stage2.epochs=1", "seed=5")
    finish(start("train", "clip-reid-vit-tiny", *given, "-o", str(tmp_path), "--seeds", "2"))
    assert [each["seed"] for each in json.loads((tmp_path / "seeds.json").read_text())["seeds"]] == [5, 6]
    for seed in (5, 6):
        features, images = lines(tmp_path / f"seed-{seed}")
        assert features["steps"] == 6, "half of 96 images, in batches of 8"
        assert images["steps"] <= 8, "half of 96 images, in batches of 6"
