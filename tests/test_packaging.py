"""The wheel and the source archive: whole, and of use outside the repository, in an environment of its own."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

import passerby
from passerby.recipe_yaml import read_yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

USE_IT = """
import sys
import numpy as np
import passerby
from passerby.recipe_files import recipe_names
from passerby.models.zoo.published import published_names

assert passerby.__file__.startswith(sys.argv[1]), passerby.__file__
features = passerby.load("tiny-clip").embed([np.zeros((128, 64, 3), np.uint8)])
print(features.shape, len(recipe_names()), len(published_names()), "torch" in sys.modules)
"""


def build(source: Path, target: str, out: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


def files_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name.startswith("passerby/")}


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    source = ROOT / "src"
    there = {
        file.relative_to(source).as_posix()
        for file in (source / "passerby").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert files_in(wheel) == there


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    archive = build(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    (unpacked,) = (each for each in tmp_path.iterdir() if each.name.startswith("passerby-"))
    assert files_in(build(unpacked, "wheel", tmp_path / "again")) == files_in(wheel)


def test_the_wheel_is_of_use_in_an_environment_of_its_own_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    """Dependencies are those of this environment, for a test may not download; passerby itself is the wheel's alone."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            [*map(str, command)], env=clean, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    recipes = len(list((ROOT / "src" / "passerby" / "recipes").glob("*.yaml")))
    entries = len(list((ROOT / "src" / "passerby" / "models" / "zoo" / "model_entries").glob("*.yaml")))
    used = run(python, "-c", USE_IT, environment).strip()
    assert used == f"(1, {passerby.load('tiny-clip').embed_dim}) {recipes} {entries} False"
    assert run(environment / "bin" / "passerby", "--version").startswith(f"passerby {passerby.__version__}\n")
    assert run(python, "-m", "passerby", "train", "--list").count("clip-reid-vit") > 2
    run(environment / "bin" / "passerby", "synth", "--identities", "4", "--cameras", "2", "-o", "world")
    assert list((tmp_path / "world").rglob("*.jpg"))


def test_the_supported_versions_of_python_are_said_alike() -> None:
    named = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if each.startswith("Programming Language")]
    minors = [version for version in named if "." in version]
    assert minors == ["3.11", "3.12", "3.13", "3.14"]
    assert all(SpecifierSet(PROJECT["requires-python"]).contains(version) for version in minors)
    assert not SpecifierSet(PROJECT["requires-python"]).contains("3.10")


def test_the_citation_names_this_version() -> None:
    citation = read_yaml((ROOT / "CITATION.cff").read_text("utf-8"))
    assert (citation["title"], citation["version"]) == (PROJECT["name"], passerby.__version__)
    assert citation["license"] == PROJECT["license"]


@pytest.mark.parametrize("form", ["mistake", "figure", "wish"])
def test_issue_forms_ask_for_what_doctor_says(form: str) -> None:
    content = read_yaml((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{form}.yml").read_text("utf-8"))
    assert set(content) <= {"name", "description", "labels", "body", "title"}
    asked = {each["id"]: each for each in content["body"] if each["type"] != "markdown"}
    assert "passerby doctor" in asked["doctor"]["attributes"]["label"]
    assert all(each["type"] in ("textarea", "input", "markdown") for each in content["body"])
    if form == "mistake":
        assert asked["doctor"]["validations"]["required"]


@pytest.mark.parametrize("page", ["SECURITY.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md"])
def test_files_that_the_project_pages_name_are_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = re.findall(r"\]\((?!https?:)([^)#]+)|`((?:docs|tests|src|benchmarks)/[\w./-]+\.\w+)`", text)
    for link, code in named:
        assert (ROOT / (link or code)).exists(), link or code
