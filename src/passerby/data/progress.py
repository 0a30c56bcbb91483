"""What a person sees on stderr while many images are read: how many, how fast, how long still."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _RateColumn(ProgressColumn):
    """Images per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} images/s" if task.speed else "")


class Counter:
    """Counts images; `advance(n)` moves the bar, if there is one."""

    def __init__(self, bar: Progress | None, total: int) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total) if bar else None

    def advance(self, images: int) -> None:
        """Count `images` more."""
        if self._bar and self._task is not None:
            self._bar.advance(self._task, images)


@contextmanager
def progress_bar(title: str, total: int, *, show: bool) -> Iterator[Counter]:
    """A bar on stderr with count, rate and time left; nothing where `show` is False."""
    if not show:
        yield Counter(None, total)
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), _RateColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield Counter(bar, total)


def say(message: str, *, show: bool) -> None:
    """One line on stderr."""
    if show:
        Console(stderr=True, highlight=False, soft_wrap=True).print(message, markup=False)
