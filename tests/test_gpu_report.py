"""`benchmarks/gpu.py` on a CPU: the whole way with small networks, its time limit, and what it chooses."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from passerby.cli import main as passerby_main
from passerby.config import read_recipe
from passerby.runs.request import checked_recipe
from tests.methods.small_world import write_small_world

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "gpu.py"


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"), identities=40)


def run_here(arguments: list[str]) -> None:
    """The command in this process, which saves the seconds that importing takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["passerby", *arguments])
        with pytest.raises(SystemExit) as stop:
            passerby_main()
    assert stop.value.code == 0, arguments


def test_the_whole_way_ends_with_a_report_and_is_not_gone_again(
    gpu: ModuleType, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def quickly(arguments: list[str], seconds: float = 0) -> bool:
        calls.append(arguments)
        cut = ("stage1.epochs", "stage2.epochs", "training.epochs")
        small = [f"{each.partition('=')[0]}=1" if each.startswith(cut) else each for each in arguments]
        run_here(small)
        return True

    monkeypatch.setattr(gpu, "passerby_command", quickly)
    monkeypatch.setattr(gpu, "within", quickly)
    monkeypatch.setattr(gpu, "shortened", lambda *_: ["stage1.epochs=1"] if "clip" in _[0] else [])
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    more = {
        "clip-reid": ("stage2.epochs=1", "stage2.warmup_epochs=0", "stage2.identities_per_batch=4"),
        "finetune": ("training.epochs=1", "training.warmup_epochs=0"),
    }
    tiny = {kind: (recipe, (*given, *more[kind])) for kind, (recipe, given) in gpu.RECIPES[True].items()}
    monkeypatch.setitem(gpu.RECIPES, True, tiny)
    given = ["--data", "market-layout", "--root", str(world), "--out", str(tmp_path), "--minutes", "5", "--tiny"]
    gpu.main([*given, "--tolerance", "0.2"])
    report = json.loads((tmp_path / "report.json").read_text())
    assert [row["precision"] for row in report["precisions"]] == ["32", "bf16-mixed"]
    assert [row["training"] for row in report["trainings"]] == ["clip-reid-vit-tiny", "finetune-tiny"]
    assert all(row["finished"] and row["mAP"] > 0 and row["weights"] == "random" for row in report["trainings"])
    assert "| clip-reid-vit-tiny | random |" in (tmp_path / "report.md").read_text()
    before = len(calls)
    gpu.main([*given, "--tolerance", "0.2"])
    assert len(calls) == before, "what is finished is not done again"


def test_epochs_are_cut_to_the_time_by_an_estimate(gpu: ModuleType, world: Path, tmp_path: Path) -> None:
    given = ["model.backbone=resnet_nano_ibn", "model.image_size=[64,32]", "augmentation.padding=3"]
    where = ["data.name=market-layout", f"data.root={world}", f"data.cache_folder={tmp_path}"]
    overrides = [*given, *where, "training.identities_per_batch=4", "training.epochs=600"]
    cut = gpu.shortened("finetune-tiny", overrides, "finetune", 1e-3)
    assert cut == ["training.epochs=1", "training.warmup_epochs=0"]
    whole = gpu.shortened("finetune-tiny", overrides, "finetune", 1e9)
    checked: Any = checked_recipe(read_recipe("finetune-tiny", [*overrides, *whole]))
    assert (checked.training.epochs, checked.training.warmup_epochs) == (600, 3)


def test_the_fastest_precision_whose_losses_agree_is_chosen(gpu: ModuleType) -> None:
    rows = [
        {"precision": "32", "difference": 0.0, "seconds per step": 3.0},
        {"precision": "bf16-mixed", "difference": 0.01, "seconds per step": 2.0},
        {"precision": "16-mixed", "difference": 0.5, "seconds per step": 1.0},
    ]
    assert gpu.choose(rows, 0.02) == "bf16-mixed"
    assert gpu.choose(rows, 0.001) == "32"


def test_a_command_is_interrupted_when_its_time_is_over(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    raise SystemExit(1)\n"
    begin = subprocess.Popen

    def sleeping(command: list[str]) -> subprocess.Popen[bytes]:
        return begin([sys.executable, "-c", sleeper])

    monkeypatch.setattr(gpu.subprocess, "Popen", sleeping)
    assert gpu.within(["train"], 1.0) is False
    monkeypatch.setattr(gpu.subprocess, "Popen", lambda command: begin([sys.executable, "-c", "raise SystemExit(3)"]))
    with pytest.raises(subprocess.CalledProcessError):
        gpu.within(["train"], 60.0)
