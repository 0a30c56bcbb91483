"""`passerby data`, through an application of the test's own."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from passerby.cli import data as command
from passerby.cli import main
from passerby.data.benchmarks import BENCHMARKS
from passerby.errors import DataError
from tests.data.layouts import MARKET, write_images, write_tree

SOUND = {
    "bounding_box_train": ["0001_c1_a.jpg", "0001_c2_a.jpg", "0002_c1_a.jpg", "0002_c2_a.jpg"],
    "query": ["0003_c1_a.jpg", "0003_c2_a.jpg"],
    "bounding_box_test": ["0003_c1_b.jpg", "0003_c2_b.jpg"],
}


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    command.register(app)
    app.command("another")(lambda: None)  # with a single command typer would leave its name out
    return app


def run(app: typer.Typer, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["data", *arguments], env={"COLUMNS": "300"}, catch_exceptions=False)
    return result.exit_code, result.stdout


def test_a_sound_set_exits_with_0(app: typer.Typer, tmp_path: Path) -> None:
    code, output = run(app, "check", "market-layout", "--root", str(write_tree(tmp_path, SOUND)))
    assert code == 0
    assert "nothing to remark on" in output
    assert [line.split()[1:8:2] for line in output.splitlines() if "│ train" in line] == [["train", "4", "2", "2"]]


def test_remarks_exit_with_0(app: typer.Typer, tmp_path: Path) -> None:
    write_images(write_tree(tmp_path, SOUND), ["bounding_box_train/0005_c1_a.jpg"])
    code, output = run(app, "check", "market-layout", "--root", str(tmp_path))
    assert code == 0
    assert "remark train identities with a single image: 1 (0005)" in output


def test_problems_exit_with_1_and_damaged_images_are_named(app: typer.Typer, tmp_path: Path) -> None:
    write_tree(tmp_path, SOUND)
    (tmp_path / "query/0003_c1_a.jpg").write_bytes(b"[bold]no image")
    code, output = run(app, "check", "market-layout", "--root", str(tmp_path))
    assert code == 1
    assert f"problem images that cannot be read: 1 (image {tmp_path}/query/0003_c1_a.jpg" in output
    code, output = run(app, "check", "market-layout", "--root", str(tmp_path), "--fast")
    assert code == 0
    assert "images were not decoded (--fast)" in output


def test_wrong_counts_are_a_problem_not_an_error(app: typer.Typer, tmp_path: Path) -> None:
    code, output = run(app, "check", "market1501", "--root", str(write_tree(tmp_path, MARKET)))
    assert code == 1
    assert "problem train has 4 images instead of 12,936" in output
    assert "12,936 / 751 / 6" in output


def test_json_is_all_there_is_on_stdout(app: typer.Typer, tmp_path: Path) -> None:
    write_tree(tmp_path, SOUND)
    code, output = run(app, "check", "market-layout", "--root", str(tmp_path), "--json", "--workers", "1")
    report = json.loads(output)
    assert (code, report["sound"], report["decoded"]) == (0, True, True)
    assert [split["counts"]["images"] for split in report["splits"]] == [4, 2, 2]


def test_a_table_of_one_s_own(app: typer.Typer, tmp_path: Path) -> None:
    write_images(tmp_path, ["a.jpg", "b.jpg"])
    table = tmp_path / "people.csv"
    table.write_text("path,identity\na.jpg,1\nb.jpg,1\n")
    code, output = run(app, "check", str(table))
    assert code == 0
    assert "unknown" in output  # cameras


def test_a_single_identity_is_remarked_on(app: typer.Typer, tmp_path: Path) -> None:
    write_images(tmp_path, ["ann/a.jpg", "ann/b.jpg"])
    code, output = run(app, "check", str(tmp_path))
    assert code == 0
    assert "remark one train identity only (ann): nothing can be learned from one" in output
    assert "nothing to remark on" not in output


def test_errors_are_passerby_s_own(app: typer.Typer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="market1501 is a benchmark: name the folder"):
        run(app, "check", "market1501")
    assert CliRunner().invoke(app, ["data", "check"]).exit_code == 2


def table(name: str, content: bytes) -> Callable[[Path], list[str]]:
    """A table beside two images, as what is checked."""

    def make(folder: Path) -> list[str]:
        write_images(folder, ["a.jpg", "b.jpg"])
        (folder / name).write_bytes(content)
        return [str(folder / name)]

    return make


def market(tree: dict[str, list[str]]) -> Callable[[Path], list[str]]:
    return lambda folder: ["market1501", "--root", str(write_tree(folder, tree))]


def folder_of(tree: dict[str, list[str]]) -> Callable[[Path], list[str]]:
    return lambda folder: [str(write_tree(folder / "people", tree) if tree else folder)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda folder: ["market1501", "--root", str(folder / "nowhere")],
            "there is no folder .*/nowhere; name",
        ),
        (
            lambda folder: [str(folder / "nowhere.csv")],
            "nowhere.csv' is neither a benchmark nor a table",
        ),
        (
            market({"bounding_box_train": ["0001_c1_a.jpg"]}),
            "holds bounding_box_train but not query, bound",
        ),
        (market({}), "holds no folders; name the right folder"),
        (folder_of({}), "holds no images: give a folder per identity"),
        (folder_of({"train/a": ["1.jpg"], "galery/a": ["2.jpg"]}), r"also holds galery \(did you mean gallery\?\)"),
        (table("people.csv", b"identity\n1\n"), "no column 'path'"),
        (table("people.csv", b"path\na.jpg\na.jpg\n"), "names images more than once: a.jpg"),
        (table("people.csv", b"path,identity\na.jpg,1\nb.jpg,NaN\n"), r"'identity' .* empty in 1 of 2 rows"),
        (table("people.csv", b"path,camera\na.jpg,1\nb.jpg,-1\n"), "'camera' .* is negative in 1 of 2 rows"),
        (table("people.parquet", b"path,identity\n"), "it is not Parquet"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    make: Callable[[Path], list[str]],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["passerby", "data", "check", *make(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        main()
    printed = capsys.readouterr()
    assert stop.value.code == 1
    assert printed.out == ""
    assert re.fullmatch(rf"passerby: .*{message}.*\n", printed.err)


def test_windows_tables_other_alphabets_links_and_capitals_are_fine(app: typer.Typer, tmp_path: Path) -> None:
    write_images(tmp_path, ["ü/ö 图.JPG", "elsewhere/b.PNG"])
    (tmp_path / "ü/link.jpg").symlink_to(tmp_path / "elsewhere/b.PNG")
    write_images(tmp_path, ["c.jpg", "d.jpg"])
    rows = ["path,identity,camera", "ü/ö 图.JPG,Müller,1", "ü/link.jpg,Müller,2", "c.jpg,Ö,1", "d.jpg,Ö,2", ""]
    (tmp_path / "people.csv").write_bytes("\r\n".join(rows).encode("utf-8-sig"))
    code, output = run(app, "check", str(tmp_path / "people.csv"))
    assert code == 0
    assert "nothing to remark on" in output


def test_list_names_every_benchmark_and_how_to_get_it(app: typer.Typer) -> None:
    code, output = run(app, "list")
    assert code == 0
    for public in BENCHMARKS.values():
        assert public.name in output or public.name.startswith("ilids-vid-")  # of splits the first and last
        assert public.terms in output
    code, output = run(app, "list", "--json")
    listed = {entry["name"]: entry for entry in json.loads(output)}
    assert list(listed) == list(BENCHMARKS)
    assert listed["market1501"]["counts"]["gallery"] == {"images": 15913, "identities": 751, "cameras": 6}
    assert listed["partial-reid"]["counts"]["train"] is None
    assert not listed["partial-reid"]["confirmed"]


def test_help_and_list_need_no_torch() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; import typer; from passerby.cli import data; "
        "app = typer.Typer(); data.register(app); app.command('x')(lambda: None); "
        "assert CliRunner().invoke(app, ['data', 'list']).exit_code == 0; "
        "assert 'Example' in CliRunner().invoke(app, ['data', 'check', '--help']).stdout; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_of_files_cannot_command_the_terminal(app: typer.Typer, tmp_path: Path) -> None:
    write_tree(tmp_path, SOUND)
    (tmp_path / "query/0003_c1_a\x1b[2J\u202egpj\nremark: sound.jpg").write_bytes(b"no image")
    code, output = run(app, "check", "market-layout", "--root", str(tmp_path))
    assert code == 1
    assert r"0003_c1_a\x1b[2J\u202egpj\nremark: sound.jpg cannot be read" in output
    assert not set(output) & set("\x1b\u202e")


def test_splits_of_the_same_files_are_one_row(app: typer.Typer) -> None:
    code, output = run(app, "list")
    assert code == 0
    assert "ilids-vid … -10" in output
    assert "ilids-vid-2" not in output
    assert {"cuhk03-np-labeled", "cuhk03-np-detected", "occluded-duke"} <= set(output.split())
