"""What the package imports, what pyproject.toml declares and what docs/dependencies.md explains are the same."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import passerby

SOURCE = Path(passerby.__file__).parent
ROOT = Path(__file__).parent.parent
THROUGH_OTHERS = {"tensorboard"}  # lightning writes with it
COMES_WITH = {"markupsafe": "jinja2", "pydantic_core": "pydantic"}  # parts of these with names of their own


def same(name: str) -> str:
    return name.lower().replace("_", "-")


def names(requirements: list[str]) -> set[str]:
    found = [re.match(r"[A-Za-z0-9_.-]+", requirement) for requirement in requirements]
    return {same(match[0]) for match in found if match is not None}


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = names(PROJECT["dependencies"]) | names(PROJECT["optional-dependencies"]["train"])
EXTRAS = names([each for extra in PROJECT["optional-dependencies"].values() for each in extra])


def imported_modules() -> set[str]:
    """Top-level modules that are neither Python's own nor ours."""
    found = set()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
    return found - sys.stdlib_module_names - {"passerby"}


def imported_packages() -> set[str]:
    distributions = packages_distributions()
    return {
        same(COMES_WITH.get(module) or next(iter(distributions.get(module, [])), module))
        for module in imported_modules()
    }


def test_all_that_is_imported_is_declared() -> None:
    assert imported_packages() - DECLARED - EXTRAS == set()


def test_all_that_is_declared_is_used() -> None:
    assert DECLARED - imported_packages() == THROUGH_OTHERS


def test_every_dependency_has_its_reason_in_the_documentation() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    reasons = page.partition("## Why each is here")[2].partition("\nExtras")[0]
    explained = re.findall(r"^\| ([a-z0-9_.-]+) \|", reasons, re.M)
    assert {same(name) for name in explained} - {"package"} == DECLARED
