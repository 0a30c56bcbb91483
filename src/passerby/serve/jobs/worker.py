"""The process that indexes one video: `python -m passerby.serve.jobs.worker GALLERY JOB`.

It ends with the service: its input is a pipe that the service holds, and closes when it ends, however that happens.
"""

import os
import shutil
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from passerby.errors import InUseError, PasserbyError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.jobs import Job
from passerby.output_lock import alone_at
from passerby.progress import Told, listening
from passerby.serve.jobs.uploads import remove_upload
from passerby.workflows.indexing.index import index, tracking_folder
from passerby.workflows.tracking.request import TrackingOptions

FAILED = 3
"""The exit code of a process that has written why."""

_SECONDS_BETWEEN = 0.5
_SECONDS_TO_WAIT = 1.0


def main() -> None:
    """Index the video of a job, and write into the gallery what becomes of it."""
    location, number = Path(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=_end_with_service, name="passerby-service", daemon=True).start()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with open_gallery(location) as gallery:
        job = gallery.job(number)
        try:
            result = _index(gallery, location, job)
        except (PasserbyError, OSError) as error:
            gallery.change_job(number, "failed", before=["running"], message=_line(error, location))
            remove_remains(location, job)  # after its state is written: a kill between leaves the true one
            sys.exit(FAILED)
        gallery.change_job(number, "done", before=["running", "cancelling"], progress=result)
        remove_remains(location, job)


def remove_remains(location: Path, job: Job) -> None:
    """Remove the video of a job that has ended, and what its tracking left in the gallery's folder."""
    file = Path(job.request["file"])
    if (location / file).is_file():
        with suppress(PasserbyError):  # what cannot be tracked has left nothing
            shutil.rmtree(tracking_folder(location / file, location, _options(job)), ignore_errors=True)
    remove_upload(location, file)


def _options(job: Job) -> TrackingOptions:
    request = job.request
    return TrackingOptions(
        detector=request["detector"],
        fps=request["fps"],
        start=request["start"],
        cameras=request["camera"] or (),
        device=request["device"],
        threads=request["threads"],
    )


def _index(gallery: Gallery, location: Path, job: Job) -> dict[str, Any]:
    request = job.request
    with listening(_Teller(gallery, job.number)):
        while True:
            _wait_for_turn(location)
            try:
                done = index(location / request["file"], location, model=request["model"], options=_options(job))
            except InUseError:  # somebody was quicker, between the wait and the work
                continue
            return {"new": done.new, "known": done.known, "erased": done.erased, "tracklets": done.tracklets}


def _wait_for_turn(location: Path) -> None:
    """Wait while another process, such as `passerby index`, indexes into the gallery."""
    while True:
        try:
            with alone_at(location / "indexing"):
                return
        except InUseError:
            time.sleep(_SECONDS_TO_WAIT)


class _Teller:
    """Writes how far the job is, but not all the time."""

    def __init__(self, gallery: Gallery, number: int) -> None:
        self._gallery, self._number = gallery, number
        self._told_at, self._title = 0.0, ""

    def __call__(self, told: Told) -> None:
        now = time.monotonic()
        if told.title == self._title and now - self._told_at < _SECONDS_BETWEEN and told.done != told.total:
            return
        self._told_at, self._title = now, told.title
        total = None if told.total is None else max(told.total, told.done)
        progress = {"phase": told.title, "done": told.done, "total": total, "unit": told.unit}
        self._gallery.tell_progress(self._number, progress)


def _line(error: Exception, location: Path) -> str:
    """The error in one line, without where the gallery lies."""
    return " ".join(str(error).replace(f"{location}{os.sep}", "").split())


def _end_with_service() -> None:
    while os.read(0, 1):  # not through sys.stdin, whose lock a thread must not hold when Python ends
        pass
    os._exit(1)  # in whatever the main thread is doing: nobody waits for it any more


if __name__ == "__main__":
    main()
