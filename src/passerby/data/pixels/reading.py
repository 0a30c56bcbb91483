"""Reading many images in threads, and reporting those that cannot be read."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from passerby.data.pixels.decoding import read_image
from passerby.data.split import Split
from passerby.errors import DataError
from passerby.progress import log_line, progress_bar

_BLOCK = 256  # images handed to the threads at once
_NAMED = 3  # unreadable images that a message names


def thread_count() -> int:
    """Threads for reading images: the processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(
    work: Callable[[int], str | None], rows: NDArray[np.int64], title: str, *, show: bool
) -> Iterator[tuple[NDArray[np.int64], list[str | None]]]:
    """Run `work`, which may return a complaint, for every row; yields block by block the rows and what was returned.

    At most one block of calls is under way, so that memory stays bounded and an interruption is answered soon.
    """
    if not len(rows):
        return
    with ThreadPoolExecutor(thread_count()) as pool, progress_bar(title, len(rows), show=show) as counter:
        for block in np.split(rows, range(_BLOCK, len(rows), _BLOCK)):
            complaints = list(pool.map(work, block.tolist()))
            counter.advance(len(block))
            yield block, complaints


def find_unreadable(split: Split, title: str, *, rows: NDArray[np.int64] | None = None, show: bool) -> dict[int, str]:
    """Decode images of a split, all or these rows; the complaint of each that cannot be read, by row."""

    def check(row: int) -> str | None:
        try:
            read_image(split.path(row))
        except DataError as error:
            return str(error)
        return None

    blocks = in_threads(check, np.arange(len(split)) if rows is None else rows, title, show=show)
    complaint_of = (pair for block, complaints in blocks for pair in zip(block.tolist(), complaints, strict=True))
    return {row: complaint for row, complaint in complaint_of if complaint is not None}


def check_readable(complaints: list[str], count: int, *, all_read: bool = True) -> None:
    """Check that there are no unreadable images.

    Args:
        complaints: one for each unreadable image.
        count: how many images there are.
        all_read: whether all of them have been tried.

    Raises:
        DataError: there are; the message counts them and names the first few.
    """
    if not complaints:
        return
    if len(complaints) == count:
        raise DataError(f"none of the {count:,} images can be read ({_few(complaints)}): repair or replace them")
    least = "" if all_read else "at least "
    raise DataError(
        f"{least}{len(complaints):,} of {count:,} images cannot be read ({_few(complaints)}): "
        "repair or remove them, or leave them out with --skip-unreadable (in a recipe data.skip_unreadable=true, "
        "in Python skip_unreadable=True)"
    )


def log_left_out(complaints: list[str], count: int, *, show: bool) -> None:
    """Report on stderr how many unreadable images are left out, and the first few of them."""
    if complaints:
        log_line(
            f"{len(complaints):,} of {count:,} images cannot be read and are left out: {_few(complaints)}", show=show
        )


def _few(complaints: list[str]) -> str:
    return "; ".join(complaints[:_NAMED]) + (", ..." if len(complaints) > _NAMED else "")
