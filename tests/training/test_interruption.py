"""Signals are neither lost nor answered twice."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from passerby.errors import DataError
from passerby.training.interruption import InterruptedRunError, interruptible


@pytest.fixture(autouse=True)
def own_handler() -> Iterator[None]:
    """Signals are not ignored, even if the tests run in the background, where shells let Ctrl-C be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "the old handler is restored"
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text("method: clip-reid\n")
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_at_once_and_says_how_to_continue(begun: Path, number: signal.Signals) -> None:
    reached = []

    def work() -> None:
        with interruptible(begun):
            signal.raise_signal(number)
            reached.append("after the signal")

    with pytest.raises(InterruptedRunError, match=rf"interrupted; continue with `passerby train --resume {begun}`"):
        work()
    assert reached == []


class Swallows:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_a_signal_that_a_finaliser_swallows_is_heeded_at_the_next_check(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reached = []

    def work() -> None:
        with interruptible(begun) as interruption:
            Swallows()
            reached.append("after the finaliser")
            interruption.check()
            reached.append("after the check")

    with pytest.raises(InterruptedRunError):
        work()
    assert reached == ["after the finaliser"]
    with pytest.raises(InterruptedRunError), interruptible(begun):
        Swallows()  # and nothing checks before the end
    assert capsys.readouterr().err == ""


def test_what_breaks_because_of_the_signal_is_not_reported(begun: Path) -> None:
    def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            raise RuntimeError("connection closed by peer")

    with pytest.raises(InterruptedRunError), interruptible(begun):
        work()


def test_errors_without_a_signal_pass(begun: Path) -> None:
    with pytest.raises(DataError, match="broken"), interruptible(begun):
        raise DataError("broken")


def test_before_a_run_has_begun_there_is_nothing_to_continue(tmp_path: Path) -> None:
    with pytest.raises(InterruptedRunError, match="interrupted before the run began"), interruptible(tmp_path):
        signal.raise_signal(signal.SIGINT)


def test_folders_are_quoted_for_the_shell(tmp_path: Path) -> None:
    assert "--resume '/a b/run' --seeds 3`" in str(InterruptedRunError(Path("/a b/run"), " --seeds 3"))


def test_ignored_signals_stay_ignored(begun: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible(begun):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_have_no_signals(begun: Path) -> None:
    handlers = []

    def work() -> None:
        with interruptible(begun):
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


STUBBORN = """
import signal, sys, time
from pathlib import Path
from passerby.training import interruption
interruption._SECONDS_OF_ONE_PRESS = 0.0
with interruption.interruptible(Path(sys.argv[1])):
    for _ in range(3):
        try:
            time.sleep(0.01)
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            print("held on", flush=True)
"""


def test_a_second_signal_ends_the_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STUBBORN, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert result.stdout == "held on\n"
    assert result.returncode == -signal.SIGINT
