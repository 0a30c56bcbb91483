"""`passerby gallery show` and `cameras`: what they tell, keep and refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from passerby.cli import app
from passerby.gallery.gallery import open_gallery
from passerby.gallery.identities.labelled import LabelledPerson
from tests.gallery.people import made_up


@pytest.fixture
def place(tmp_path: Path) -> str:
    with open_gallery(tmp_path / "gallery", create=True) as gallery:
        tracklets = made_up(12, people=4)
        gallery.add(tracklets)
        gallery.take_over([LabelledPerson([each.key for each in tracklets[:3]], confirmed=False)])
        gallery.name(1, "Anna [red]", notes="wears a hat")
    return str(tmp_path / "gallery")


def said(*command: str) -> str:
    result = CliRunner().invoke(app, ["gallery", *command], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.stdout


def found(*command: str) -> Any:
    return json.loads(said(*command, "--json"))


def test_a_person_is_shown_with_all_tracklets_and_that_is_in_the_log(place: str) -> None:
    person = found("show", place, "1", "--reason", "lost child")
    assert (person["identity"], person["name"], person["notes"], person["confirmed"]) == (
        1, "Anna [red]", "wears a hat", True,
    )  # fmt: skip
    with open_gallery(place) as gallery:
        seen = gallery.get([1, 2, 3])
        assert [(each["tracklet"], each["camera"], each["begins"]) for each in person["tracklets"]] == [
            (each.number, each.camera, each.begins) for each in seen
        ]
        entry = gallery.log()[-1]
        assert (entry.action, entry.reason) == ("view", "lost child")
    text = said("show", place, "1")
    assert "Anna [red], confirmed; 3 tracklets" in text
    assert "wears a hat" in text
    assert found("show", place, "--tracklet", "7")["tracklet"] == 7


def test_clocks_and_travel_times_are_kept_and_taken_back(place: str) -> None:
    with open_gallery(place) as gallery:
        first, second, *others = sorted(gallery.cameras())
    assert others
    (camera,) = found("cameras", place, first, "--clock", "2.5", "--travel", f"{second}=30")
    assert (camera["clock_offset"], camera["travel_times"]) == (2.5, {second: 30.0})
    known = {each["name"]: each for each in found("cameras", place, "--apart")}
    assert known[second]["travel_times"] == {first: 30.0, **dict.fromkeys(others, 0.0)}
    assert sum(each["tracklets"] for each in known.values()) == 12
    (camera,) = found("cameras", place, first, "--travel", f"{second}=none")
    assert camera["travel_times"] == dict.fromkeys(others, 0.0)
    assert "2.5 s" in said("cameras", place)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("show",), "name an identity, or a tracklet with --tracklet"),
        (("show", "1", "--tracklet", "2"), "name an identity, or a tracklet with --tracklet"),
        (("show", "99"), "there is no identity 99"),
        (("show", "--tracklet", "0"), "there is no tracklet 0"),
        (("cameras", "--clock", "1"), "are of one camera: name it after the gallery"),
        (("cameras", "nowhere"), "there is no camera 'nowhere' in the gallery"),
        (("cameras", "nowhere", "--clock", "1"), "there is no camera 'nowhere' in the gallery"),
        (("cameras", "nowhere", "--travel", "30"), "--travel is OTHER=SECONDS"),
        (("cameras", "nowhere", "--travel", "gate=soon"), "--travel is OTHER=SECONDS"),
    ],
)
def test_what_makes_no_sense_is_refused(place: str, command: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(app, ["gallery", command[0], place, *command[1:]], env={"COLUMNS": "200"})
    assert result.exit_code != 0
    assert message in result.output + str(result.exception)


def test_of_several_times_all_are_kept_or_none(place: str) -> None:
    with open_gallery(place) as gallery:
        first, second, *_ = sorted(gallery.cameras())
    for command in ((first, "--travel", f"{second}=30", "--travel", "nowhere=5"), ("nowhere", "--apart")):
        result = CliRunner().invoke(app, ["gallery", "cameras", place, *command], env={"COLUMNS": "200"})
        assert result.exit_code != 0
        assert "there is no camera 'nowhere' in the gallery" in result.output
    assert not any(each["travel_times"] for each in found("cameras", place))
