"""What a person sees while something long runs: where it is, how fast, and when it will be done."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NamedTuple

from rich.console import Console

from passerby.printable import printable_line

_SECONDS_BETWEEN_LINES = 10.0


class Told(NamedTuple):
    """How far something is: of how many units, or of nobody knows how many (None)."""

    title: str
    done: int
    total: int | None
    unit: str


_listeners: list[Callable[[Told], None]] = []


@contextmanager
def listening(listener: Callable[[Told], None]) -> Iterator[None]:
    """Let a function be told of all progress that the block makes in this process, also of what is not shown.

    Args:
        listener: called often, so it decides itself what to keep.
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class Progress:
    """A line on stderr: rewritten in place on a terminal, a new one every ten seconds elsewhere.

    Whatever ends it, the last line stays: how far it came and how long that took. Counts beyond `total` are shown as
    `total`.

    Args:
        title: what runs.
        total: how many units there are; None where nobody knows.
        done: how many were done before.
        unit: what is counted, in the plural.
        quiet: show nothing.
    """

    def __init__(
        self, title: str, total: int | None, *, done: int = 0, unit: str = "images", quiet: bool = False
    ) -> None:
        self.title, self.total, self.done, self.unit, self.quiet = title, total, done, unit, quiet
        self._console = Console(stderr=True, highlight=False)
        self._begun_at = done
        self._begun = self._shown = time.monotonic()
        self._finished = False

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(stopped=kind is not None)

    def advance(self, units: int, note: str = "") -> None:
        """Count units done; `note` is shown with them."""
        self.done += units
        for listener in _listeners:
            listener(Told(self.title, self.done, self.total, self.unit))
        pause = 0.2 if self._console.is_terminal else _SECONDS_BETWEEN_LINES
        now = time.monotonic()
        if now - self._shown >= pause:
            self._shown = now
            self._show(self._state(now - self._begun) + (f"  {note}" if note else ""))

    def skip(self, units: int) -> None:
        """Count units that were done before; they do not enter the rate."""
        self.done += units
        self._begun_at += units

    def finish(self, *, stopped: bool = False) -> None:
        """Show the last line, once; `stopped` says that the work was broken off."""
        if self._finished:
            return
        self._finished = True
        elapsed = time.monotonic() - self._begun
        verb = "stopped after" if stopped else "took"
        self._show(f"{self._count(elapsed)}  {verb} {duration(elapsed)}", end="\n")

    def _state(self, elapsed: float) -> str:
        """How far it is, how fast it goes, and how long the rest will take."""
        if self.total is None:
            return self._count(elapsed)
        done, rest = self.done - self._begun_at, max(self.total - self.done, 0)
        return self._count(elapsed) + (f"  {duration(elapsed * rest / done)} left" if done > 0 else "")

    def _count(self, elapsed: float) -> str:
        count = f"{self.done}" if self.total is None else f"{min(self.done, self.total)}/{self.total}"
        text = f"{self.title}  {count} {self.unit}"
        done = self.done - self._begun_at
        return f"{text}  {pace(done, elapsed, self.unit)}" if done > 0 and elapsed > 0 else text

    def _show(self, text: str, *, end: str = "") -> None:
        if self.quiet:
            return
        text = printable_line(text)
        if self._console.is_terminal:
            width = self._console.width - 1
            sys.stderr.write(f"\r{text[:width]:<{width}}{end}")
            sys.stderr.flush()
        else:
            sys.stderr.write(f"{text}\n")


def pace(done: int, seconds: float, unit: str) -> str:
    """How fast so many units (named in the plural) were done: `250 images/s`, `2.5 steps/s`, or `4.0 s/step`."""
    rate = done / seconds
    if rate >= 10:
        return f"{rate:,.0f} {unit}/s"
    return f"{rate:.1f} {unit}/s" if rate >= 1 else f"{1 / rate:.1f} s/{unit.removesuffix('s')}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: `0:07:31`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}"


def progress_bar(title: str, total: int, *, show: bool) -> Progress:
    """Progress over images; silent where `show` is False."""
    return Progress(title, total, quiet=not show)


def log_line(message: str, *, show: bool) -> None:
    """One line on stderr."""
    if show:
        Console(stderr=True, highlight=False, soft_wrap=True).print(printable_line(message), markup=False)
