"""Every method has an example that runs by itself, reads in two minutes and uses only what rooms name as theirs."""

import ast
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from passerby.methods import METHODS

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
RUNNABLE = [file for file in EXAMPLES if file.stem != "tiny_world"]
QUICK = ("clip_pretrain", "finetune")


def test_every_method_has_an_example() -> None:
    assert {file.stem for file in RUNNABLE} == {name.replace("-", "_") for name in METHODS}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_short_and_uses_only_what_rooms_name(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 80
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("passerby"):
            face = import_module(str(node.module))
            assert Path(str(face.__file__)).name == "__init__.py"
            assert {alias.name for alias in node.names} <= set(face.__all__)


@pytest.mark.parametrize(
    "file",
    [pytest.param(file, marks=() if file.stem in QUICK else pytest.mark.slow) for file in RUNNABLE],
    ids=lambda file: file.stem,
)
def test_an_example_runs(file: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, file],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, *_, after = re.findall(r"^(?:before|after) learning: .*?([\d.]+)", done.stdout, re.M)
    assert float(after) != float(before)
