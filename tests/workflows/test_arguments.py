"""What programs give wrongly is named in one line, whatever function it is given to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import passerby
from passerby.data.arguments import check_share, check_type, check_whole_number
from passerby.errors import PasserbyError
from passerby.workflows.training_request import training_request
from tests.data.layouts import write_images

WRONG: list[Any] = [None, 5, "", b"x", ["a", 3], object(), ..., float("nan"), True]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    write_images(tmp_path, ["a.jpg"])
    return tmp_path / "a.jpg"


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3", None, float("nan"), np.float64(2)])
def test_a_whole_number_is_nothing_else(value: object) -> None:
    with pytest.raises(PasserbyError, match="batch_size must be a whole number, at least 1, not"):
        check_whole_number("batch_size", value, at_least=1)
    check_whole_number("batch_size", np.int64(1), at_least=1)


@pytest.mark.parametrize("value", [-0.1, 1.1, True, "1", None, float("nan")])
def test_a_share_lies_between_0_and_1(value: object) -> None:
    with pytest.raises(PasserbyError, match="level must be a number from 0 to 1, not"):
        check_share("level", value)
    check_share("level", np.float64(0.5))
    check_share("level", 1)


def test_a_type_is_named() -> None:
    with pytest.raises(PasserbyError, match="plan must be OcclusionPlan, not 'x'"):
        check_type("plan", "x", passerby.OcclusionPlan)


CALLS: list[Callable[[Any], object]] = [
    lambda value: passerby.load(value),
    lambda value: passerby.load_plugin(value),
    lambda value: passerby.load_benchmark(value, "."),
    lambda value: passerby.load_benchmark("market-layout", value),
    lambda value: passerby.train(value),
    lambda value: passerby.train("clip-reid-vit-tiny", resume=value or ""),
    lambda value: passerby.train("clip-reid-vit-tiny", out=value or ""),
    lambda value: passerby.train("clip-reid-vit-tiny", data=value or ""),
    lambda value: passerby.train("clip-reid-vit-tiny", data="market-layout", root=value or ""),
    lambda value: passerby.train("clip-reid-vit-tiny", value or 3),
    lambda value: passerby.denoise(value, value),
    lambda value: passerby.embed(value, "."),
    lambda value: passerby.embed("tiny-clip", value),
    lambda value: passerby.embed("tiny-clip", [value]),
    lambda value: passerby.embed("tiny-clip", ".", value),
    lambda value: passerby.evaluate("tiny-clip", value),
    lambda value: passerby.occlusion("tiny-clip", value),
    lambda value: passerby.compare(value, "comparison"),
    lambda value: passerby.explain("tiny-clip", value),
]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: type(value).__name__)
def test_what_is_no_path_is_one_line(value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for call in CALLS:
        with pytest.raises(PasserbyError) as caught:
            call(value)
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir()), "nothing is begun"


NUMBERS: list[tuple[str, Callable[[Any, Path], object]]] = [
    ("seeds", lambda value, picture: passerby.train("clip-reid-vit-tiny", seeds=value)),
    ("batch_size", lambda value, picture: passerby.embed("tiny-clip", picture, "x.parquet", batch_size=value)),
    ("batch_size", lambda value, picture: passerby.load("tiny-clip").embed(picture, batch_size=value)),
    ("open_set_draws", lambda value, picture: passerby.evaluate("tiny-clip", ".", open_set_draws=value)),
    ("anchors", lambda value, picture: passerby.explain("tiny-clip", picture, "x.png", anchors=value)),
    ("runs", lambda value, picture: passerby.OcclusionPlan(runs=value)),
    ("k1", lambda value, picture: passerby.RerankSettings(k1=value)),
    ("level", lambda value, picture: passerby.explain("tiny-clip", picture, "x.png", occluder=_occluder(value))),
]


def _occluder(level: Any) -> passerby.Occluder:
    return passerby.Occluder("rectangle", level=level)


@pytest.mark.parametrize("value", [-3, 1.5, None, "x", True, float("nan")], ids=str)
def test_what_is_no_such_number_is_named(value: object, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(picture.parent)
    for name, call in NUMBERS:
        with pytest.raises(PasserbyError, match=f"^{name}") as caught:
            call(value, picture)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [{"size": (0, 1)}, {"size": 3}, {"size": (1.5, 2)}, {"mean": 3}, {"std": (0, 1, 1)}])
def test_a_network_of_one_s_own_has_a_transform(wrong: dict[str, Any]) -> None:
    with pytest.raises(PasserbyError, match=r"size must be|mean and std need"):
        passerby.TorchEmbedder.of(torch.nn.Identity(), **wrong)


def test_plans_and_occluders_are_looked_at() -> None:
    for wrong in ({"conditions": ("fog",)}, {"conditions": "people"}, {"levels": (2.0,)}, {"levels": 0.2}, {"fill": 3}):
        with pytest.raises(PasserbyError):
            passerby.OcclusionPlan(**wrong)
    with pytest.raises(PasserbyError, match="plan must be OcclusionPlan"):
        passerby.occlusion("tiny-clip", ".", plan=5)  # type: ignore[arg-type]
    with pytest.raises(PasserbyError, match="occluder must be Occluder"):
        passerby.explain("tiny-clip", "a.jpg", "x.png", occluder=5)  # type: ignore[arg-type]


def test_nothing_to_train_is_said_so() -> None:
    with pytest.raises(PasserbyError, match="no recipe is named"):
        training_request(None)
