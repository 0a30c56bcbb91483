"""Packages that report to their makers are silent beside passerby."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from passerby.import_guards.reporting_guard import VARIABLES


def run(code: str, home: Path, **more: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name not in {*VARIABLES, "CI", "XDG_CACHE_HOME"}}
    environment = {**kept, "HOME": str(home), **more}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_onnx_runtime_keeps_nothing_to_send(tmp_path: Path) -> None:
    import_it = "import onnxruntime; onnxruntime.SessionOptions()"
    run(f"import passerby; {import_it}", tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.skipif(find_spec("openvino") is None, reason="needs the extra openvino")
def test_openvino_sends_nothing(tmp_path: Path) -> None:
    told = run("import passerby; from openvino.tools.ovc.telemetry_utils import tm; print(tm.__name__)", tmp_path)
    assert told == "openvino.tools.ovc.telemetry_stub", "what stands in where the sender is not installed"


@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray")
def test_ray_sends_nothing(tmp_path: Path) -> None:
    asked = "from ray._common.usage.usage_lib import usage_stats_enabled; print(usage_stats_enabled())"
    assert run(f"import passerby; {asked}", tmp_path) == "False"


def test_what_a_user_has_set_stays(tmp_path: Path) -> None:
    asked = "import passerby, os; print(os.environ['HF_HUB_DISABLE_TELEMETRY'])"
    assert run(asked, tmp_path, HF_HUB_DISABLE_TELEMETRY="0") == "0"
