"""Carries out jobs one after another, and goes on after the service was started again."""

import asyncio
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from passerby.errors import PasserbyError
from passerby.gallery.jobs import ENDED, Job, JobState
from passerby.printable import printable_line
from passerby.serve.jobs.uploads import remove_forgotten
from passerby.serve.jobs.worker import FAILED, remove_remains
from passerby.serve.state.service import Service

ACTIVE: tuple[JobState, ...] = ("queued", "running", "cancelling")

_ATTEMPTS = 3
_SECONDS_TO_END = 10.0
_SECONDS_BETWEEN_LOOKS = 2.0
_SECONDS_AFTER_ERRORS = 30.0
_LAST_WORDS = 2_000


class JobRunner:
    """Carries out the jobs of a service's gallery, each in a process of its own.

    Of several services of one gallery only one does; the others leave it to that one.

    Args:
        service: whose jobs.
        folder: of the gallery.
    """

    def __init__(self, service: Service, folder: Path) -> None:
        self._service, self._folder = service, folder
        self._begun = time.time()
        self._wake = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._running: int | None = None
        self._lock = FileLock(folder / ".service.lock", timeout=0)
        self._failures: dict[int, int] = {}

    def wake(self) -> None:
        """Look for jobs now."""
        self._wake.set()

    async def run(self) -> None:
        """Carry out jobs until this is cancelled."""
        while True:
            try:
                with ExitStack() as stack:
                    await self._alone(stack)
                    await self._service.run(self._recover)
                    while True:
                        await self._next()
            except (PasserbyError, OSError) as error:  # a full disk may have room again
                sys.stderr.write(f"passerby: jobs wait: {printable_line(str(error))}\n")
                await asyncio.sleep(_SECONDS_AFTER_ERRORS)

    async def _next(self) -> None:
        """Carry out the oldest job that waits, or wait a little for one."""
        self._wake.clear()
        job: Job | None = await self._service.run(self._claim)
        if job is not None:
            await self._work(job)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), _SECONDS_BETWEEN_LOOKS)

    async def cancel(self, number: int, actor: str) -> Job:
        """End a job that has not ended; what it added to the gallery stays.

        Raises:
            NotInGalleryError: there is no such job.
        """
        gallery = self._service.gallery.acting_as(actor)

        def stop() -> Job:
            gallery.change_job(number, "cancelling", before=["queued", "running"])
            return gallery.job(number)

        job = await self._service.run(stop)
        if self._running == number:
            await self._end_process()
        self.wake()
        return job

    async def _alone(self, stack: ExitStack) -> None:
        """Wait until no other service of this gallery is left."""
        while True:
            try:
                stack.enter_context(self._lock)
            except Timeout:
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            else:
                return

    def _recover(self) -> None:
        """Take up what an earlier service left, or this one when something failed."""
        gallery = self._service.gallery
        for job in gallery.jobs(["running"]):
            gallery.change_job(job.number, "queued", before=["running"])
        for job in gallery.jobs(sorted(ENDED)):  # its process may have been killed before it had removed them
            if (self._folder / job.request["file"]).is_file():
                remove_remains(self._folder, job)
        remove_forgotten(self._folder, {Path(job.request["file"]) for job in gallery.jobs(ACTIVE)}, self._begun)

    def _claim(self) -> Job | None:
        """The oldest job that waits, which runs from now on; those to be cancelled are ended first."""
        gallery = self._service.gallery
        for job in gallery.jobs(["cancelling"]):
            remove_remains(self._folder, job)
            gallery.change_job(job.number, "cancelled", before=["cancelling"])
        for waiting in gallery.jobs(["queued"])[::-1]:
            if gallery.change_job(waiting.number, "running", before=["queued"]):
                return waiting
        return None

    async def _work(self, job: Job) -> None:
        """Carry out one job, and see how it ended."""
        command = (sys.executable, "-m", "passerby.serve.jobs.worker", str(self._folder), str(job.number))
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._running = job.number
        try:
            said = await _last_words(self._process)
            code = await self._process.wait()
        finally:
            await self._end_process()
            self._process = self._running = None
        await self._service.run(self._settle, job, code, said)

    def _settle(self, job: Job, code: int, said: str) -> None:
        gallery = self._service.gallery
        state = gallery.job(job.number).state
        if state == "running":  # it ended without saying why
            self._failures[job.number] = self._failures.get(job.number, 0) + 1
            if self._failures[job.number] < _ATTEMPTS:
                gallery.change_job(job.number, "queued", before=["running"])
                return
            why = said or "perhaps memory ran out"
            message = f"its process ended {_ATTEMPTS} times without a word (code {code}): {why}"
            gallery.change_job(job.number, "failed", before=["running"], message=message)
        if code not in (0, FAILED) and said:
            sys.stderr.write(f"passerby: job {job.number}: {said}\n")
        if gallery.job(job.number).state in ENDED:
            remove_remains(self._folder, job)

    async def _end_process(self) -> None:
        """End the process of the job that runs, if it has not ended; by its input, and if that is no use by force."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError, BrokenPipeError):
            if process.stdin is not None:
                process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), _SECONDS_TO_END)
            except TimeoutError:
                process.kill()


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """The last line that a process writes on stderr before it ends."""
    said = b""
    if process.stderr is not None:
        while part := await process.stderr.read(65_536):
            said = (said + part)[-_LAST_WORDS:]
    lines = said.decode("utf-8", "replace").split("\n")
    return printable_line(next((line.strip() for line in reversed(lines) if line.strip()), ""))


def check_can_index(service: Service) -> Path:
    """The folder of the gallery, where videos can be indexed into it.

    Raises:
        PasserbyError: it is on a server.
    """
    if service.folder is None:
        raise PasserbyError("videos are indexed into a gallery in a folder, not into one on a server: use Gallery.add")
    return service.folder
