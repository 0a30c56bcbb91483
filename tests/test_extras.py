"""What is said where a package is missing that only an extra brings."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from passerby.errors import DeviceError
from passerby.extras import EXTRA_OF, naming_extras
from tests.inference.test_file_embedder import write_model
from tests.methods.small_world import write_small_world

WITHOUT_TORCH = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision", "timm", "open_clip", "lightning", "safetensors"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


def run_without_torch(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process where torch and what builds on it cannot be imported."""
    command = [sys.executable, "-c", WITHOUT_TORCH + script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_each_extra_is_one_of_the_package() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(EXTRA_OF.values()) <= set(project["optional-dependencies"])


def test_a_missing_package_names_its_extra() -> None:
    with pytest.raises(DeviceError, match=r"faiss is not installed.*pip install 'passerby\[faiss\]'"), naming_extras():
        raise ModuleNotFoundError("No module named 'faiss'", name="faiss")


def test_a_missing_package_of_the_users_own_is_left_as_it_is() -> None:
    with pytest.raises(ModuleNotFoundError, match="my_losses"), naming_extras():
        raise ModuleNotFoundError("No module named 'my_losses'", name="my_losses")


def test_a_command_that_needs_torch_says_so_in_one_line() -> None:
    script = "sys.argv[0] = 'passerby'\nfrom passerby.cli import main\nmain()"
    done = run_without_torch(script, "train", "clip-reid-vit-tiny", "--dry-run", "data.root=/nowhere")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "passerby: torch is not installed, and this needs it: pip install 'passerby[train]'"
    ]


def test_a_function_that_needs_torch_says_so_in_one_line() -> None:
    script = "import passerby\ntry:\n    passerby.train\nexcept passerby.errors.DeviceError as error:\n    print(error)"
    done = run_without_torch(script)
    assert done.stdout.strip() == "torch is not installed, and this needs it: pip install 'passerby[train]'"


def test_the_road_of_a_model_file_needs_no_torch(tmp_path: Path) -> None:
    world = write_small_world(tmp_path / "world")
    model = write_model(tmp_path / "model.onnx")
    script = "sys.argv[0] = 'passerby'\nfrom passerby.cli import main\nmain()"
    commands = [
        ["eval", str(model), "--data", "market-layout", "--root", str(world), "--out", str(tmp_path / "evaluation")],
        ["embed", str(model), str(world / "query"), "--out", str(tmp_path / "features.parquet")],
        ["zoo", "list"],
        ["zoo", "check", str(model)],
        ["data", "check", str(world)],
    ]
    for command in commands:
        done = run_without_torch(script, *command)
        assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    assert json.loads((tmp_path / "evaluation" / "metrics.json").read_text("utf-8"))
    assert (tmp_path / "features.parquet").is_file()


def test_the_road_from_drawn_tracklets_to_identities_needs_no_torch(tmp_path: Path) -> None:
    script = "sys.argv[0] = 'passerby'\nfrom passerby.cli import main\nmain()"
    world, tracks, features = tmp_path / "world", tmp_path / "tracks", tmp_path / "features.parquet"
    small = ["--identities", "4", "--cameras", "2"]
    commands = [
        ["synth", *small, "--images", "2", "--processes", "1", "--out", str(world)],
        ["eval", "tiny-clip", "--data", str(world), "--out", str(tmp_path / "evaluation")],
        ["synth", *small, "--tracklets", "1", "--out", str(tracks)],
        ["embed", "tiny-clip", str(tracks / "tracklets.parquet"), "--out", str(features)],
        [
            "denoise",
            str(tracks / "tracklets.parquet"),
            "--features",
            str(features),
            "-o",
            str(tmp_path / "who.parquet"),
        ],
        ["zoo", "check", "tiny-clip"],
        ["track", "--help"],
    ]
    for command in commands:
        done = run_without_torch(script, *command)
        assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    assert json.loads((tmp_path / "evaluation" / "metrics.json").read_text("utf-8"))
    assert (tmp_path / "who.parquet").is_file()


def test_the_road_from_a_video_to_a_search_needs_no_torch(tmp_path: Path) -> None:
    script = "sys.argv[0] = 'passerby'\nfrom passerby.cli import main\nmain()"
    world, gallery = tmp_path / "world", tmp_path / "gallery"
    video = world / "videos" / "c1-001.mp4"
    commands = [
        ["synth", "--videos", "4", "--identities", "3", "--cameras", "1", "--out", str(world)],
        ["index", str(video), "--detector", "motion", "--out", str(gallery)],
        ["search", str(gallery), "--text", "a man in a red coat"],
    ]
    for command in commands:
        done = run_without_torch(script, *command)
        assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    assert "c1-001" in done.stdout
