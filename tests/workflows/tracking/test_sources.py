"""Which sources are tracked: their names, cameras, starts, and what a list says of them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from passerby.errors import DataError, RecipeError
from passerby.workflows.tracking.frame_runs import FrameRuns, frames_in
from passerby.workflows.tracking.sources import resolve_sources
from passerby.workflows.tracking.tables import short_reason


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    for name in ("gate.mp4", "yard.mp4", "a/cam.mp4", "b/cam.mp4", "odd name\x1b[31m.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_sources_and_cameras_are_called_as_their_files(videos: Path) -> None:
    found = resolve_sources([videos / "gate.mp4", videos / "a" / "cam.mp4", videos / "b" / "cam.mp4"])
    assert [each.name for each in found] == ["gate", "a-cam", "b-cam"]
    assert [each.camera for each in found] == ["gate", "a-cam", "b-cam"]
    assert resolve_sources([videos / "odd name\x1b[31m.mp4"])[0].name == "odd_name_31m"


def test_a_password_is_nowhere_but_in_the_address(videos: Path) -> None:
    (found,) = resolve_sources(["rtsp://user:secret@10.0.0.7:554/live?token=hidden"])
    assert found.live
    assert found.name == "10.0.0.7_554_live"
    assert "secret" not in str(found.record())
    assert "hidden" not in str(found.record())
    assert "secret" in found.location


def test_cameras_are_named_for_all_or_for_each(videos: Path) -> None:
    both = [videos / "gate.mp4", videos / "yard.mp4"]
    assert [each.camera for each in resolve_sources(both, cameras=["lot"])] == ["lot", "lot"]
    named = resolve_sources(both, cameras=["gate.mp4=north", "yard=south"])
    assert [each.camera for each in named] == ["north", "south"]
    with pytest.raises(DataError, match="--camera roof=x: no source is called 'roof': they are gate, yard"):
        resolve_sources(both, cameras=["roof=x"])


def test_a_list_says_more_of_each_source(videos: Path) -> None:
    file = videos / "sources.yaml"
    file.write_text(
        "- {source: gate.mp4, camera: north, start: '2026-05-01T08:00:00+02:00', clock_offset: -2.5, threshold: 0.3}\n"
        "- {source: yard.mp4, region: [[0, 0], [1, 0], [1, 1]]}\n"
        "- {source: a/cam.mp4, region: mask.png}\n"
    )
    gate, yard, cam = resolve_sources([file])
    assert (gate.camera, gate.clock_offset, gate.threshold) == ("north", -2.5, 0.3)
    assert gate.start == datetime(2026, 5, 1, 6, tzinfo=UTC)
    assert yard.region == ((0, 0), (1, 0), (1, 1))
    assert cam.region == str(videos / "mask.png")
    assert [Path(each.location).parent for each in (gate, cam)] == [videos, videos / "a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "- {source: gate.mp4, camra: x}",
            "sources.yaml: source 1: camra: unknown key of a source; did you mean 'camera'",
        ),
        (
            "- {source: gate.mp4}\n- {source: yard.mp4, colour: red}",
            "source 2: colour: unknown key of a source; a source has",
        ),
        ("- {source: [gate.mp4", "sources.yaml: is not YAML: "),
        (
            "- {source: gate.mp4, clock_offset: 1.0e+30}",
            "sources.yaml: source 1: clock_offset: must be at most 1000000000",
        ),
        ("- {source: roof.mp4}", r"roof.mp4: is not there: give a video"),
        ("source: gate.mp4", "must be a list of sources, each with a key 'source'"),
        ("- {source: gate.mp4, start: '2026-05-01T08:00:00'}", "gate.mp4: the start .* has no time zone"),
        ("- {source: gate.mp4}\n- {source: gate.mp4}", "two sources would both be called"),
        ("- {source: gate.mp4, threshold: 2}", "threshold: "),
    ],
)
def test_a_list_that_is_wrong_is_refused_in_one_line(videos: Path, text: str, message: str) -> None:
    (videos / "sources.yaml").write_text(text)
    with pytest.raises((DataError, RecipeError), match=message):
        resolve_sources([videos / "sources.yaml"])


def test_a_start_is_that_of_one_source(videos: Path) -> None:
    (found,) = resolve_sources([videos / "gate.mp4"], start="2026-05-01T08:00:00", time_zone="Europe/Berlin")
    assert found.start == datetime(2026, 5, 1, 6, tzinfo=UTC)
    with pytest.raises(DataError, match="the start is that of one source, not of 2"):
        resolve_sources([videos / "gate.mp4", videos / "yard.mp4"], start="2026-05-01T08:00:00Z")
    with pytest.raises(DataError, match=r"rtsp://10.0.0.7/live: a stream's frames are stamped as they arrive"):
        resolve_sources(["rtsp://user:secret@10.0.0.7/live"], start="2026-05-01T08:00:00Z")
    with pytest.raises(DataError, match="no videos are named"):
        resolve_sources([])


@pytest.mark.parametrize("numbers", [[], [4], [0, 1, 2, 3], [0, 5, 10, 15, 21, 26, 31], [3, 4, 9, 10, 12]])
def test_frames_are_known_again_from_their_runs(numbers: list[int]) -> None:
    runs = FrameRuns()
    for number in numbers:
        runs.add(number)
    assert frames_in(runs.runs).tolist() == numbers


def test_reasons_are_counted_without_their_numbers() -> None:
    assert short_reason("seen in 2 frames, fewer than 3") == "seen in … frames"
    assert short_reason("detections score 0.30 on average, less than 0.4") == "detections score … on average"
