"""A loop over prefetched items may be interrupted anywhere, and ends all the same."""

import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from passerby.data.loading.prefetching import Prefetcher

SECONDS = 240
"""Far more than anything takes on a busy machine."""


def prefetched() -> Iterator[int]:
    """Nine numbers, as loaders give their batches."""
    prefetcher = Prefetcher(iter(range(9)), 2)
    try:
        yield from prefetcher
    finally:
        prefetcher.close()


def leave_early() -> None:
    """A loop that is left while the generator waits at its third item."""
    for number in prefetched():
        if number == 2:
            break


def see_all() -> None:
    """A loop to the end."""
    assert list(prefetched()) == list(range(9))


class InterruptedAt:
    """Raises KeyboardInterrupt at the n-th line or return, as Ctrl-C may, but for where Python starts a thread."""

    def __init__(self, moment: int) -> None:
        self.left = moment

    def __call__(self, frame: FrameType, event: str, argument: Any) -> "InterruptedAt | None":
        del argument
        caller: FrameType | None = frame
        while caller is not None:
            if caller.f_code is Prefetcher.__init__.__code__:
                return None
            caller = caller.f_back
        if event in ("line", "return"):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self


def ends(loop: Any, interruption: InterruptedAt) -> bool:
    """Whether a loop that is interrupted then ends, and the thread behind it too."""

    def run() -> None:
        sys.settrace(interruption)
        try:
            loop()
        except (KeyboardInterrupt, RuntimeError):  # RuntimeError: a generator turned a StopIteration into it
            pass
        finally:
            sys.settrace(None)

    before = set(threading.enumerate())
    threading.Thread(target=run, daemon=True).start()
    # Not by join: an interruption inside a join makes Python 3.11 take the thread for stopped while it still runs.
    latest = time.monotonic() + SECONDS
    while not set(threading.enumerate()) <= before and time.monotonic() < latest:
        time.sleep(0.001)
    return set(threading.enumerate()) <= before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what Python drops in a finaliser
@pytest.mark.parametrize("loop", [leave_early, see_all])
def test_an_interruption_at_any_moment_ends_the_loop_and_its_thread(loop: Any) -> None:
    for moment in range(1, 400):
        interruption = InterruptedAt(moment)
        assert ends(loop, interruption), f"interrupted at event {moment}"
        if interruption.left > 0:  # the loop was over before
            break
    else:
        pytest.fail("the loop has more moments than were tried")
    assert moment > 20


def test_errors_come_where_the_item_was_asked_for() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    prefetcher = Prefetcher(items(), 2)
    assert next(prefetcher) == 1
    with pytest.raises(ValueError, match="the second"):
        next(prefetcher)
    assert list(prefetcher) == []
