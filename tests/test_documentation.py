"""Commands, Python and recipes in the README and the documentation are such as passerby takes."""

import re
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main

from passerby.cli import app
from passerby.recipe_yaml import read_yaml
from passerby.runs.request import checked_recipe

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, *languages: str) -> list[str]:
    found = re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    return [content for language, content in found if language in languages]


def commands() -> list[tuple[str, str]]:
    """Page and line of every `passerby ...` in a block for the shell."""
    found = []
    for page in PAGES:
        for block in blocks(page, "sh", "bash", "console"):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(str(page.relative_to(ROOT)), line) for line in lines if line.startswith("passerby ")]
    return found


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_are_written_as_passerby_takes_them(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: Any = typer.main.get_command(app)  # of the click inside typer, which has no public name
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"there is no {words[0]!r}"
        command = command.commands[words.pop(0)]
    if "--help" not in words:
        command.make_context(command.name, words)  # parses, and raises what a user would be told


@pytest.mark.parametrize("line", ["data chek x", "train RECIPE --dta x", "eval", "eval RUN --batch-size 0"])
def test_other_commands_are_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r"chek|--dta|issing|greater"):
        test_commands_are_written_as_passerby_takes_them("", f"passerby {line}")


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_compiles(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")


def test_the_recipe_of_one_s_own_is_a_recipe() -> None:
    (block,) = blocks(ROOT / "docs" / "how-to" / "recipes.md", "yaml")
    recipe = checked_recipe(read_yaml(block))
    assert recipe.data.name == "people.csv"
    assert recipe.data.validation.identities == 0.1


def test_pages_of_the_documentation_are_all_in_its_menu() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert pages <= set(re.findall(r"[\w/-]+\.md", menu))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_a_package_page_has_no_link_that_leads_nowhere() -> None:
    pytest.importorskip("hatchling")
    page = import_module("hatch_build").package_page((ROOT / "README.md").read_text(encoding="utf-8"))
    assert re.findall(r"\]\((?![a-z]+:)", page) == []
    assert "results (`docs/results/index.md`)" in page
    assert "*From videos to people" in page


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < 500


@pytest.mark.parametrize("file", [*PAGES, *sorted((ROOT / "examples").glob("*.py"))], ids=lambda file: file.name)
def test_every_name_that_is_shown_is_in_the_reference(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    shown = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "reference").glob("*.md"))
    documented = set(re.findall(r"^::: (\S+)", shown, re.M))
    assert set(re.findall(r"^ *from (passerby[\w.]*) import", text, re.M)) <= documented


def test_formulas_become_html() -> None:
    sys.path.insert(0, str(ROOT / "docs" / "hooks"))
    formulas = import_module("formulas")
    assert formulas.formula(r"L = \frac{1}{B} \sum_i d_{ij}^2") == "L = 1 / B  Σ<sub>i</sub> d<sub>ij</sub><sup>2</sup>"
    assert formulas.formula("\\frac{a}\n  {b_i + c}") == "a / (b<sub>i</sub> + c) "
    written = formulas.on_page_content("<p>.. math:: a \\ne b</p> and :math:<code>\\tau_t &lt; 1</code>")
    assert written == '<p class="formula">a ≠ b</p> and <span class="formula">τ<sub>t</sub> &lt; 1</span>'


def test_pages_have_no_slips_of_the_pen(capsys: pytest.CaptureFixture[str]) -> None:
    codespell = pytest.importorskip("codespell_lib")
    found = codespell.main("--ignore-words-list", "mot,sie,identty,notin", *map(str, PAGES))
    assert found == 0, capsys.readouterr().out
