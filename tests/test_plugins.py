"""Plugins are imported when somebody names or installs them, once, and fail in one line."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from passerby.config import read_recipe
from passerby.data.benchmarks import BENCHMARKS
from passerby.data.formats.open_data import open_data
from passerby.errors import DataError, PluginError, RecipeError
from passerby.models.backbones.registry import create
from passerby.plugins import Registry, load_plugin, loaded_plugins
from passerby.recipe_files import recipe_names
from tests.forgetting import no_plugins
from tests.installed import install
from tests.methods.small_world import write_small_world

BENCHMARK = """
from dataclasses import replace
from passerby.data.benchmarks import BENCHMARKS, register_benchmark
register_benchmark(replace(BENCHMARKS["market-layout"], name={name!r}, title={title!r}))
"""


@pytest.fixture(autouse=True)
def _no_plugins() -> Iterator[None]:
    with no_plugins():
        yield


def write(folder: Path, code: str, name: str = "mine.py") -> Path:
    file = folder / name
    file.write_text(code, encoding="utf-8")
    return file


def test_a_file_is_imported_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    file = write(tmp_path, BENCHMARK.format(name="mine", title="first"))
    first = load_plugin(file)
    assert load_plugin(str(file)) is first
    assert loaded_plugins() == (first,)
    assert (first.name, first.file, first.offers) == ("mine.py", file, [("benchmark", "mine")])
    write(tmp_path, BENCHMARK.format(name="mine", title="second"))
    second = load_plugin(file)
    assert second.version != first.version
    assert BENCHMARKS["mine"].title == "second"
    assert loaded_plugins() == (second,)


def test_nothing_is_left_of_it_on_the_path_or_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "", "helper_of_mine.py")
    file = write(tmp_path, "import helper_of_mine")
    with pytest.raises(
        PluginError, match=re.escape(f"{file}:1: ModuleNotFoundError: No module named 'helper_of_mine'")
    ):
        load_plugin(file)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["helper_of_mine.py", "mine.py"]


def test_dataclasses_in_it_find_the_names_of_their_annotations(tmp_path: Path) -> None:
    load_plugin(
        write(
            tmp_path,
            "from __future__ import annotations\nfrom typing import ClassVar\nfrom pydantic import BaseModel\n"
            "class Inner(BaseModel):\n    a: int = 1\nclass Outer(BaseModel):\n    b: Inner = Inner()\n"
            "assert Outer(b={'a': '2'}).b.a == 2",
        )
    )


@pytest.mark.parametrize(
    ("code", "where", "reason"),
    [
        ("\nimport sys\ndef f():\n    raise ValueError('so it is')\nf()", ":4", "ValueError: so it is"),
        ("a = 1\nb = = 2", ":2", "SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(3)", ":2", "SystemExit: 3"),
        (
            BENCHMARK.format(name="market1501", title=""),
            ":4",
            "the benchmark 'market1501' is already there, from passerby",
        ),
        (2 * BENCHMARK.format(name="mine", title=""), ":8", "the benchmark 'mine' is already there, from the plugin"),
    ],
)
def test_what_fails_in_it_is_told_in_one_line(tmp_path: Path, code: str, where: str, reason: str) -> None:
    file = write(tmp_path, code)
    with pytest.raises(PluginError) as failure:
        load_plugin(file)
    assert str(failure.value).startswith(f"{file}{where}: {reason}")
    assert "\n" not in str(failure.value)
    assert loaded_plugins() == ()


def test_a_file_that_was_mended_is_imported_as_if_it_had_never_failed(tmp_path: Path) -> None:
    code = BENCHMARK.format(name="mine", title="")
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        load_plugin(write(tmp_path, f"{code}\n1 / 0"))
    load_plugin(write(tmp_path, code))


def test_nothing_of_a_file_that_fails_stays_registered(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        load_plugin(write(tmp_path, BENCHMARK.format(name="mine", title="") + "\n1 / 0"))
    assert "mine" not in BENCHMARKS
    load_plugin(write(tmp_path, BENCHMARK.format(name="mine", title=""), "other.py"))


def test_a_changed_file_that_fails_leaves_what_it_had_registered(tmp_path: Path) -> None:
    plugin = load_plugin(write(tmp_path, BENCHMARK.format(name="mine", title="first")))
    more = BENCHMARK.format(name="mine", title="second") + BENCHMARK.format(name="more", title="")
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        load_plugin(write(tmp_path, more + "\n1 / 0"))
    assert BENCHMARKS["mine"].title == "first"
    assert "more" not in BENCHMARKS
    assert loaded_plugins() == (plugin,)


def test_a_changed_file_takes_back_what_it_no_longer_registers(tmp_path: Path) -> None:
    load_plugin(write(tmp_path, BENCHMARK.format(name="mine", title="")))
    load_plugin(write(tmp_path, BENCHMARK.format(name="renamed", title="")))
    assert "mine" not in BENCHMARKS
    assert "renamed" in BENCHMARKS


def test_what_one_entry_point_of_a_package_registered_survives_the_failure_of_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = install(tmp_path, "half_whole", BENCHMARK.format(name="whole", title=""))
    (package.parent / "second.py").write_text(BENCHMARK.format(name="half", title="") + "\n1 / 0", "utf-8")
    (record,) = tmp_path.glob("*.dist-info/entry_points.txt")
    record.write_text(record.read_text("utf-8") + "\nzz = half_whole.second\n", "utf-8")
    sys.path.insert(0, str(tmp_path))
    assert BENCHMARKS.find("whole") is not None
    assert "half" not in BENCHMARKS
    assert [each.offers for each in loaded_plugins()] == [[("benchmark", "whole")]]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_name_of_another_plugin_is_taken(tmp_path: Path) -> None:
    code = BENCHMARK.format(name="mine", title="")
    first = write(tmp_path, code)
    load_plugin(first)
    with pytest.raises(PluginError, match=rf"already there, from the plugin {re.escape(str(first))}"):
        load_plugin(write(tmp_path, code, "other.py"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"nothing\.py: cannot be read \(No such file or directory\)"):
        load_plugin(tmp_path / "nothing.py")


def test_a_program_may_register_anew_what_it_registered() -> None:
    things = Registry("loss", {"old": 1})
    things.register("new", 2)
    things.register("new", 3)
    assert things == {"old": 1, "new": 3}
    with pytest.raises(PluginError, match="the loss 'old' is already there, from passerby"):
        things.register("old", 2)


def test_installed_plugins_are_imported_when_a_name_is_not_known(tmp_path: Path) -> None:
    install(tmp_path, "of_somebody", BENCHMARK.format(name="theirs", title="found"), version="2.1")
    sys.path.insert(0, str(tmp_path))
    assert BENCHMARKS.find("market1501") is not None
    assert loaded_plugins() == ()
    assert BENCHMARKS.find("theirs").title == "found"
    (plugin,) = loaded_plugins()
    assert (plugin.name, plugin.version, plugin.file) == ("of_somebody", "2.1", None)
    assert plugin.offers == [("benchmark", "theirs")]


def test_an_installed_plugin_that_fails_is_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path, "broken_plugin", "raise OSError('no such luck')")
    install(tmp_path, "whole_plugin", BENCHMARK.format(name="whole", title=""))
    sys.path.insert(0, str(tmp_path))
    assert BENCHMARKS.find("whole") is not None
    assert capsys.readouterr().err == (
        "the plugin broken_plugin (broken_plugin) cannot be imported and is left out: OSError: no such luck\n"
    )


NETWORK = """
from torch import nn
from passerby.models.backbones.registry import register_backbone

@register_backbone
def mean_colour(image_size, *, scale=1):
    return nn.Sequential(nn.AvgPool2d(image_size), nn.Flatten(){more})
"""


def test_a_backbone_is_made_by_name_and_measured(tmp_path: Path) -> None:
    load_plugin(write(tmp_path, NETWORK.format(more=", nn.Linear(3, 5), nn.BatchNorm1d(5)")))
    backbone = create("mean_colour", (16, 8))
    assert (backbone.name, backbone.feature_dim, backbone.image_size) == ("mean_colour", 5, (16, 8))
    assert backbone.training
    assert backbone(torch.zeros(2, 3, 16, 8)).shape == (2, 5)
    with pytest.raises(RecipeError, match="backbone mean_colour: knows no drop_path_rate"):
        create("mean_colour", drop_path_rate=0.1)
    with torch.device("meta"):
        assert create("mean_colour", (16, 8)).feature_dim == 5


def test_a_backbone_without_vectors_is_refused(tmp_path: Path) -> None:
    load_plugin(write(tmp_path, NETWORK.format(more=", nn.Unflatten(1, (3, 1))")))
    with pytest.raises(PluginError, match=r"backbone mean_colour: must return features \[B, D\].*not \[1, 3, 1\]"):
        create("mean_colour", (16, 8))


def test_a_backbone_does_not_take_the_name_of_one_of_timm(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="the backbone 'resnet18d' is already there, from timm"):
        load_plugin(write(tmp_path, NETWORK.replace("mean_colour", "resnet18d").format(more="")))


def test_a_benchmark_is_opened_by_name(tmp_path: Path) -> None:
    world = write_small_world(tmp_path / "world")
    load_plugin(write(tmp_path, BENCHMARK.format(name="mine", title="")))
    assert open_data("mine", world).name == "mine"
    with pytest.raises(DataError, match="mine is a benchmark: name the folder it is in"):
        open_data("mine")
    with pytest.raises(DataError, match="did you mean mine"):
        open_data("mine2", world)


def test_a_recipe_is_found_by_the_name_of_its_file(tmp_path: Path) -> None:
    write(tmp_path, "# A recipe.\nmethod: mgn\nseed: 7\n", "mine.yaml")
    code = "from pathlib import Path\nfrom passerby.recipe_files import register_recipe\n"
    load_plugin(write(tmp_path, f"{code}register_recipe(Path(__file__).with_name('mine.yaml'))"))
    assert "mine" in recipe_names()
    assert read_recipe("mine", ["seed=8"]) == {"method": "mgn", "seed": 8}
    with pytest.raises(PluginError, match="is no recipe"):
        load_plugin(write(tmp_path, f"{code}register_recipe('nothing.yaml')"))
