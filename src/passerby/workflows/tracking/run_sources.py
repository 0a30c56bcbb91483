"""Work on several sources at once, each in a process, with progress and an end that loses nothing."""

import sys
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from passerby.errors import DataError, PasserbyError
from passerby.progress import Progress, log_line
from passerby.worker_processes import worker_pool
from passerby.workflows.tracking.progress_board import BoardWatch, ProgressBoard
from passerby.workflows.tracking.source_work import SourceJob, track_source

_POLL = 0.5
"""Seconds between looks at how far the processes are."""


def run_sources(jobs: Sequence[SourceJob], board_file: Path, *, workers: int, show: bool) -> dict[str, str]:
    """Work on all sources, several at once, and show how far each is.

    Ctrl-C stops all of them: of files nothing is lost, and streams are done with that.

    Args:
        jobs: one for each source.
        board_file: a place for the file by which processes tell how far they are.
        workers: sources worked on at once; files with 1 in this process.
        show: whether to show progress on stderr.

    Returns:
        What went wrong, by the name of the source: one that cannot be read does not stop the others.

    Raises:
        DataError: a process was ended from outside.
        KeyboardInterrupt: somebody stopped the work on files.
    """
    board = ProgressBoard(board_file, len(jobs))
    shown = _Shown([job.source.name for job in jobs], show=show)
    failed: dict[str, str] = {}
    live = any(job.source.live for job in jobs)  # Ctrl-C leaves other processes alone, which end streams in order
    work = _in_this_process if workers == 1 and not live else _in_processes
    try:
        work(jobs, board, shown, failed, workers)
    except KeyboardInterrupt:
        if not all(job.source.live for job in jobs):
            raise
        log_line("stopped: writing what the streams gave", show=show)
    finally:
        shown.finish()
        board_file.unlink(missing_ok=True)
    return failed


def _in_this_process(
    jobs: Sequence[SourceJob], board: ProgressBoard, shown: "_Shown", failed: dict[str, str], workers: int
) -> None:
    del workers
    for number, job in enumerate(jobs):
        try:
            track_source(job, BoardWatch(board, number, partial(shown.update, number, board)))
        except PasserbyError as error:
            failed[job.source.name] = str(error)
            shown.fail(number, error)
        shown.end(number)


def _in_processes(
    jobs: Sequence[SourceJob], board: ProgressBoard, shown: "_Shown", failed: dict[str, str], workers: int
) -> None:
    pool = worker_pool(workers)
    try:
        running: dict[Future[None], int] = {
            pool.submit(_work, job, board.file, number): number for number, job in enumerate(jobs)
        }
        while running:
            done, _ = wait(running, timeout=_POLL, return_when=FIRST_COMPLETED)
            for number in running.values():
                shown.update(number, board)
            for future in done:
                number = running.pop(future)
                shown.end(number)
                error = future.exception()
                if isinstance(error, PasserbyError):
                    failed[jobs[number].source.name] = str(error)
                    shown.fail(number, error)
                elif isinstance(error, BrokenProcessPool):
                    raise DataError(
                        f"{jobs[number].source.name}: its process was ended from outside, as when memory runs out: "
                        "the same command goes on; --threads 1 works on one source at a time"
                    ) from error
                elif error is not None:
                    raise error
    finally:
        board.stop()
        pool.shutdown(wait=True, cancel_futures=True)


def _work(job: SourceJob, board_file: Path, number: int) -> None:
    """In a worker process."""
    board = ProgressBoard(board_file)
    if not board.stopped:
        track_source(job, BoardWatch(board, number))


@dataclass
class _Shown:
    """Lines of progress: one for each source that is worked on."""

    names: list[str]
    show: bool
    lines: dict[int, Progress] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)

    def update(self, number: int, board: ProgressBoard) -> None:
        on_one_line = sys.stderr.isatty() and self.lines and number > min(self.lines)
        if not board.works(number) or on_one_line:
            return
        seconds, duration, frames = board.of(number)
        if number not in self.lines:
            self.lines[number] = Progress(self.names[number], None, unit="frames", quiet=not self.show)
        line = self.lines[number]
        if duration is not None and seconds > 0:
            line.total = max(frames, round((frames - 1) * duration / seconds))
        works = [each for each in range(len(self.names)) if board.works(each) and each not in self.ended]
        others = ", ".join(self._short(each, board) for each in works if each != number)
        line.advance(frames - line.done, others)

    def _short(self, number: int, board: ProgressBoard) -> str:
        seconds, duration, frames = board.of(number)
        return (
            f"{self.names[number]} {frames}"
            if not duration
            else f"{self.names[number]} {100 * seconds / duration:.0f} %"
        )

    def fail(self, number: int, error: PasserbyError) -> None:
        """Say what went wrong with one of several sources; of a single one the command says it."""
        if len(self.names) > 1:
            log_line(f"{self.names[number]}: {error}", show=self.show)

    def end(self, number: int) -> None:
        self.ended.add(number)
        if number in self.lines:
            self.lines.pop(number).finish()

    def finish(self) -> None:
        for line in self.lines.values():
            line.finish(stopped=True)
