from itertools import count
from types import SimpleNamespace

import pytest

from passerby import progress
from passerby.progress import Progress, duration, pace


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands at the last number of the list."""
    times = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: times[-1]))
    return times


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.Console, "is_terminal", True)
    monkeypatch.setattr(progress.Console, "width", 80)


@pytest.mark.parametrize(
    ("done", "seconds", "unit", "shown"),
    [
        (2500, 2.0, "images", "1,250 images/s"),
        (100, 10.0, "steps", "10 steps/s"),
        (25, 10.0, "steps", "2.5 steps/s"),
        (10, 10.0, "steps", "1.0 steps/s"),
        (1, 4.0, "steps", "4.0 s/step"),
        (3, 400.0, "images", "133.3 s/image"),
    ],
)
def test_slow_work_is_told_in_seconds_a_unit(done: int, seconds: float, unit: str, shown: str) -> None:
    assert pace(done, seconds, unit) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0.4, "0:00:00"), (59.6, "0:01:00"), (3661, "1:01:01")])
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_the_last_line_is_printed_however_soon_the_work_is_done(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("embedding", 64) as shown:
        shown.advance(64)
        clock.append(0.5)
    assert capsys.readouterr().err == "embedding  64/64 images  128 images/s  took 0:00:00\n"


def test_the_last_line_of_work_broken_off_says_how_far_it_came(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        with Progress("training", 10, unit="steps") as shown:
            shown.advance(2)
            clock.append(8.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert capsys.readouterr().err == "training  2/10 steps  4.0 s/step  stopped after 0:00:08\n"


def test_a_line_is_finished_once(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    shown = Progress("training", 1, unit="steps")
    shown.finish(stopped=True)
    shown.finish()
    assert capsys.readouterr().err == "training  0/1 steps  stopped after 0:00:00\n"


def test_more_units_than_were_announced_never_show_as_more_than_all(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("training", 6, unit="steps") as shown:
        for second in count(10, 10):
            clock.append(float(second))
            shown.advance(1, "epoch 1/1")
            if shown.done == 7:
                break
    lines = capsys.readouterr().err.splitlines()
    assert lines[-3:] == [
        "training  6/6 steps  10.0 s/step  0:00:00 left  epoch 1/1",
        "training  6/6 steps  10.0 s/step  0:00:00 left  epoch 1/1",
        "training  6/6 steps  10.0 s/step  took 0:01:10",
    ]


def test_what_was_done_before_counts_but_has_no_part_in_the_pace(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("embedding", 100, done=40) as shown:
        shown.skip(40)
        clock.append(10.0)
        shown.advance(10)
    first, last = capsys.readouterr().err.splitlines()
    assert first == "embedding  90/100 images  1.0 images/s  0:00:10 left"
    assert last == "embedding  90/100 images  1.0 images/s  took 0:00:10"


def test_nothing_done_shows_no_pace(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("embedding", 40) as shown:
        shown.skip(40)
        clock.append(3.0)
    assert capsys.readouterr().err == "embedding  40/40 images  took 0:00:03\n"


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("embedding", 1, quiet=True) as shown:
        shown.advance(1)
    assert capsys.readouterr().err == ""


def test_a_terminal_has_one_line_that_is_written_over(
    clock: list[float], terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("embedding", 20) as shown:
        clock.append(1.0)
        shown.advance(10, "a note")
        shown.advance(5)  # too soon to be shown
        clock.append(2.0)
        shown.advance(5)
    written = capsys.readouterr().err
    first, second, last = written.removeprefix("\r").split("\r")
    assert first.rstrip() == "embedding  10/20 images  10 images/s  0:00:01 left  a note"
    assert second.rstrip() == "embedding  20/20 images  10 images/s  0:00:00 left"
    assert last.rstrip() == "embedding  20/20 images  10 images/s  took 0:00:02"
    assert [len(first), len(second), len(last.rstrip("\n"))] == [79] * 3
    assert written.count("\n") == 1
    assert written.endswith("\n")
