"""Every block of Python in the README and the documentation is run, or says why not."""

import shutil
from pathlib import Path

import pytest

from tests.documented.blocks import PAGES, ROOT, TUTORIALS, blocks_of
from tests.documented.workshop import SUBSTITUTES, furnish, names

ELSEWHERE = {
    **dict.fromkeys(TUTORIALS, "tests/documented/test_tutorials.py"),
    ROOT / "docs" / "how-to" / "own-loss.md": "tests/test_extending.py",
    ROOT / "docs" / "how-to" / "own-method.md": "tests/test_extending.py",
}
ALREADY_RUN: set[str] = set()
"""Blocks that stand by themselves on two pages, the README and the home page."""
RUN_HERE = [page for page in PAGES if blocks_of(page, "python") and page not in ELSEWHERE]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workshop")
    furnish(folder)
    return folder


@pytest.mark.parametrize("page", RUN_HERE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_python_of_a_page_runs(page: Path, workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(workshop, tmp_path / "folder")
    monkeypatch.chdir(folder)
    known = names(folder)
    for block in blocks_of(page, "python"):
        if block.reason is None and block.content not in ALREADY_RUN:
            ALREADY_RUN.add(block.content)
            code = block.content
            for said, run in SUBSTITUTES.items():
                code = code.replace(said, run)
            exec(compile("\n" * block.line + code, str(page), "exec"), known)


@pytest.mark.parametrize("page", ELSEWHERE, ids=lambda page: page.stem)
def test_what_is_run_elsewhere_has_its_test(page: Path) -> None:
    assert page.is_file()
    assert (ROOT / ELSEWHERE[page]).is_file()


def test_a_block_that_is_not_run_says_why() -> None:
    reasons = [block.reason for page in PAGES for block in blocks_of(page, "python", "sh") if block.reason is not None]
    assert reasons
    assert all(len(reason) > 15 for reason in reasons)
