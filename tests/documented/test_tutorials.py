"""The tutorials are run from top to bottom, Python and commands, and are the notebooks in `examples/`."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from passerby.cli import main
from tests.documented.blocks import ROOT, TUTORIALS, blocks_of

sys.path.insert(0, str(ROOT / "docs" / "hooks"))
from notebooks import EXAMPLES, notebook, notebook_of

LONGER = ("camera-labels", "tracklets")


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_tutorial_is_its_notebook(page: Path) -> None:
    written = notebook_of(page).read_text(encoding="utf-8")
    assert written == notebook(page), "python docs/hooks/notebooks.py writes it anew"


def test_every_notebook_is_a_tutorial_and_whole() -> None:
    assert set(EXAMPLES.glob("*.ipynb")) == {notebook_of(page) for page in TUTORIALS}
    for file in EXAMPLES.glob("*.ipynb"):
        content = json.loads(file.read_text(encoding="utf-8"))
        assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
        assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
        assert all(cell["outputs"] == [] for cell in content["cells"] if cell["cell_type"] == "code")


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow if page.stem in LONGER else ()) for page in TUTORIALS],
    ids=lambda page: page.stem,
)
def test_a_tutorial_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "cache"))
    known: dict[str, object] = {}
    for block in blocks_of(page, "python", "sh"):
        if block.reason is not None:
            continue
        if block.language == "python":
            exec(compile("\n" * block.line + block.content, str(page), "exec"), known)
        else:
            for line in block.content.replace("\\\n", " ").splitlines():
                _run(line, monkeypatch)


def _run(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command, in this process."""
    monkeypatch.setattr("sys.argv", shlex.split(line, comments=True))
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0, line
