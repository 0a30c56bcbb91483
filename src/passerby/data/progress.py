"""What a person sees while something long runs: where it is, how fast, and when it will be done."""

import sys
import time
from types import TracebackType

from rich.console import Console

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """A line on stderr: rewritten in place on a terminal, a new one every ten seconds elsewhere.

    Args:
        title: what runs.
        total: how many units there are.
        done: how many were done before.
        unit: what is counted.
    """

    def __init__(self, title: str, total: int, *, done: int = 0, unit: str = "images", quiet: bool = False) -> None:
        self.title, self.total, self.done, self.unit, self.quiet = title, total, done, unit, quiet
        self._console = Console(stderr=True, highlight=False)
        self._begun_at = done
        self._begun = self._shown = time.monotonic()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._show(final=True)
        elif self._console.is_terminal and not self.quiet:
            sys.stderr.write("\n")

    def advance(self, units: int, note: str = "") -> None:
        """Count units done; `note` is shown with them."""
        self.done += units
        pause = 0.2 if self._console.is_terminal else _SECONDS_BETWEEN_LINES
        if time.monotonic() - self._shown >= pause:
            self._shown = time.monotonic()
            self._show(note)

    def skip(self, units: int) -> None:
        """Count units that were done before; they do not enter the rate."""
        self.done += units
        self._begun_at += units

    def _show(self, note: str = "", *, final: bool = False) -> None:
        if self.quiet:
            return
        elapsed = time.monotonic() - self._begun
        rate = (self.done - self._begun_at) / elapsed if elapsed > 0 else 0.0
        text = f"{self.title}  {self.done}/{self.total} {self.unit}  {rate:.0f} {self.unit}/s"
        if final:
            text += f"  took {duration(elapsed)}"
        elif rate:
            text += f"  {duration((self.total - self.done) / rate)} left"
        text += f"  {note}" if note else ""
        if self._console.is_terminal:
            width = self._console.width - 1
            sys.stderr.write(f"\r{text[:width]:<{width}}" + ("\n" if final else ""))
            sys.stderr.flush()
        else:
            sys.stderr.write(text + "\n")


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: `0:07:31`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}"


def progress_bar(title: str, total: int, *, show: bool) -> Progress:
    """Progress over images; silent where `show` is False."""
    return Progress(title, total, quiet=not show)


def say(message: str, *, show: bool) -> None:
    """One line on stderr."""
    if show:
        Console(stderr=True, highlight=False, soft_wrap=True).print(message, markup=False)
