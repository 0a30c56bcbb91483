"""The commands as a user types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import passerby
from passerby.cli import main
from tests.methods.small_world import overrides, write_small_world


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "passerby", *map(str, arguments)]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)


def complaint(result: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The one line that a failed command says."""
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("passerby: ")]
    assert len(lines) == 1, result.stderr
    return lines[0].removeprefix("passerby: ")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def trained(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    given = overrides(world)
    result = run("train", "clip-reid-vit-tiny", *given, "--out", folder)
    assert result.returncode == 0, result.stderr
    assert "mAP" in result.stdout
    return folder


def test_training_evaluates_and_writes_a_page(trained: Path) -> None:
    figures = json.loads((trained / "metrics.json").read_text())["market-layout"]
    assert 0 < figures["mAP"] <= 1
    assert figures["queries"] == 8
    page = (trained / "report" / "market-layout.html").read_text("utf-8")
    assert page.count("data:image/") > 8
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_eval_of_a_run_finds_its_data_and_its_figures(trained: Path, world: Path, tmp_path: Path) -> None:
    again = run("eval", trained, "--json", "--device", "cpu")
    assert again.returncode == 0, again.stderr
    (found,) = json.loads(again.stdout)
    assert found["mAP"] == json.loads((trained / "metrics.json").read_text())["market-layout"]["mAP"]
    assert all(Path(found[name]).is_file() for name in ("page", "queries_table", "analysis"))
    named = run("eval", trained / "model.safetensors", "--data", "market-layout", "--root", world, "--out", tmp_path)
    assert named.returncode == 0, named.stderr
    assert (tmp_path / "metrics.json").is_file()


def test_embed_writes_a_table_that_python_agrees_with(trained: Path, world: Path, tmp_path: Path) -> None:
    out = tmp_path / "features.parquet"
    result = run("embed", trained, world / "query", "--out", out, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["rows"] == 8
    table = pq.read_table(out)
    assert table.column_names == ["path", "embedding"]
    files = [out.parent / path for path in table["path"].to_pylist()]
    assert all(file.is_file() for file in files)
    features = np.array(table["embedding"].to_pylist(), np.float32)
    np.testing.assert_allclose(features, passerby.load(trained, device="cpu").embed(files), atol=1e-6)
    assert list(tmp_path.iterdir()) == [out], "no parts are left behind"


def test_embed_keeps_what_it_computed_when_an_image_is_broken(trained: Path, world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    whole = sorted((world / "query").iterdir())
    for number, file in enumerate(whole):
        (folder / f"{number}.jpg").write_bytes(file.read_bytes())
    (folder / "9.jpg").write_bytes(whole[0].read_bytes()[:400])
    out = tmp_path / "features.parquet"
    assert "9.jpg cannot be read" in complaint(run("embed", trained, folder, "--out", out))
    assert not out.exists()
    skipped = run("embed", trained, folder, "--out", out, "--skip-unreadable", "--json")
    computing = {"runtime": "torch", "precision": "fp32", "proof": None}
    told = {"out": str(out), "rows": 8, "embed_dim": 48, "skipped": 1, "computing": computing}
    assert json.loads(skipped.stdout) == told


def test_half_a_benchmark_and_a_wrong_root_are_one_line(world: Path, tmp_path: Path) -> None:
    said = complaint(run("train", "clip-reid-vit-tiny", "--data", "market1501", "--root", world, "-o", tmp_path / "a"))
    assert "12,936" in said or "12936" in said
    said = complaint(
        run("train", "clip-reid-vit-tiny", "--data", "market1501", "--root", tmp_path, "-o", tmp_path / "b")
    )
    assert str(tmp_path) in said
    assert not (tmp_path / "a").exists(), "a run that never began leaves no folder"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "clip-reid-vti"], 1, "did you mean clip-reid-vit or "),
        (["train", "clip-reid-vit-tiny", "stage2.epoch=3"], 1, "did you mean 'stage2.epochs'?"),
        (["train", "clip-reid-vit-tiny"], 1, "data.name is not set"),
        (["train", "--resume", "nowhere"], 1, "nowhere: holds no run"),
        (["eval", "runs/nosuch"], 1, "runs/nosuch: no such run or file of weights"),
        (["eval", "."], 1, "is not a run's folder, so name the data to evaluate on"),
        (["eval", ".", "--data", "market-layout", "--root", "."], 1, "bounding_box_train"),
        (["embed", "nowhere.pth", "."], 1, "folder . holds no images"),
        (["embed", "nowhere.pth", ".", "-o", "features.csv"], 1, "features.csv: its name must end in .parquet"),
    ],
)
def test_mistakes_get_one_line(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In this process: a new one for each takes seconds to import torch."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["passerby", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr()
    assert stop.value.code == code, said.err
    (line,) = said.err.splitlines()
    assert line.startswith("passerby: ")
    assert message in line


@pytest.mark.parametrize(
    "arguments", [["train"], ["train", "--seed"], ["eval"], ["frobnicate"], ["eval", "a", "--metric", "x"]]
)
def test_a_badly_written_command_exits_with_2(arguments: list[str], tmp_path: Path) -> None:
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "typed", [["eval", "--fo\u202eo\x1b[2J"], ["ev\u202eal"], ["--fo\u202eo"], ["zoo", "list", "x", "\u202ey"]]
)
def test_what_was_typed_cannot_command_the_terminal(
    typed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["passerby", *typed])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err
    assert r"\u202e" in said
    assert not set(said) & set("\x1b\u202e")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data", "check", "x", "--workers", "0"], "'--workers': must be at least 1, not "),
        (["data", "check", "x", "--workers", "two"], "'--workers': must be a whole number, not 'two'"),
        (["explain", "m", "x", "--level", "2"], "'--level': must be at most 1, not "),
    ],
)
def test_values_of_options_are_told_in_plain_words(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["passerby", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_an_interrupted_start_is_one_line() -> None:
    command = """
import sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "passerby.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from passerby.__main__ import main
main()
"""
    stopped = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False)
    assert (stopped.returncode, stopped.stderr) == (1, "passerby: interrupted\n")


def test_an_empty_word_names_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["embed", "m", "x", "--out", ""], ["eval", ""], ["train", "clip-reid-vit-tiny", "-o", ""]):
        monkeypatch.setattr(sys, "argv", ["passerby", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 2
        assert "an empty value" in capsys.readouterr().err


def test_settings_are_read_before_torch_is() -> None:
    command = "import sys; from passerby.cli import main\ntry: main()\nfinally: print('torch' in sys.modules)"
    for name in ("eval", "occlusion"):
        words = [sys.executable, "-c", command, name, "runs/x", "--set", "foo"]
        result = subprocess.run(words, capture_output=True, text=True, check=False)
        assert complaint(result) == "'foo' is no setting: write key=value (--keys lists them)"
        assert result.stdout.strip() == "False"


def test_lists_and_versions(tmp_path: Path) -> None:
    listed = run("train", "--list", cwd=tmp_path).stdout
    assert all(
        name in listed for name in ("clip-reid-vit ", "clip-reid-rn50 ", "clip-reid-vit-sie-olp", "baseline-vit ")
    )
    keys = run("train", "clip-reid-vit", "--keys", cwd=tmp_path).stdout
    assert "stage2.identities_per_batch" in keys
    versions = dict(line.split(" ") for line in run("--version", cwd=tmp_path).stdout.splitlines())
    assert next(iter(versions.items())) == ("passerby", passerby.__version__)
    assert versions["numpy"] == np.__version__
    assert versions["python"] == sys.version.split(" ", maxsplit=1)[0]
    for command in ("train", "eval", "embed", "data", "demo"):
        helped = run(command, "--help", cwd=tmp_path)
        assert helped.returncode == 0
    dry = run(
        "train",
        "clip-reid-vit-tiny",
        *overrides(write_small_world(tmp_path / "w")),
        "--dry-run",
        "--json",
        cwd=tmp_path,
    )
    assert dry.returncode == 0, dry.stderr
    assert [stage["name"] for stage in json.loads(dry.stdout)] == ["stage1-prompts", "stage2-images"]
    assert not (tmp_path / "runs").exists()
