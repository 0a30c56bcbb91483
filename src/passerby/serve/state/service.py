"""What all requests of a service share: the open gallery, models in memory, sessions, counts, and a few threads."""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from passerby.errors import PasserbyError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.opening import is_address
from passerby.serve.settings import ServiceSettings
from passerby.serve.state.metrics import Metrics
from passerby.serve.state.rates import Rates
from passerby.serve.state.sessions import Sessions
from passerby.video.detection.opening import DEFAULT_DETECTOR
from passerby.workflows.indexing.photographs import PeopleFinder
from passerby.workflows.indexing.searcher import Searcher

P = ParamSpec("P")
T = TypeVar("T")

_REMEMBERED = 100_000
_SECONDS_SHOWN = 900.0


class Service:
    """The state of a running service.

    Args:
        location: of the gallery, a folder or the address of a server.
        settings: the rarely used ones.
        model: as of `passerby.search`.
        device: where models compute.
        detector: finds the people of photographs.

    Raises:
        GalleryError: there is no gallery, or it cannot be opened.
    """

    def __init__(
        self,
        location: str | Path,
        settings: ServiceSettings | None = None,
        *,
        model: str | Path | None = None,
        device: str | None = None,
        detector: str | Path = DEFAULT_DETECTOR,
    ) -> None:
        self.location, self.settings = location, settings or ServiceSettings()
        self.model, self.device, self.detector = model, device, detector
        self.gallery: Gallery = open_gallery(location)
        self.folder = None if is_address(location) else Path(location).expanduser().absolute()
        self.searcher = Searcher(location, model=model, device=device)
        self.sessions = Sessions(self.settings.hours_signed_in * 3600)
        self.rates = Rates(self.settings)
        self.metrics = Metrics()
        self.shown = ShownPictures()
        self._threads = ThreadPoolExecutor(self.settings.threads, thread_name_prefix="passerby-gallery")
        self._finder: PeopleFinder | None = None
        self._lock = threading.Lock()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something that blocks in one of the service's threads.

        They are few and live as long as the service: every thread has a connection of its own to the gallery.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*args, **kwargs))

    def finder(self) -> PeopleFinder:
        """Who finds people in photographs; loaded when first asked.

        Raises:
            CheckpointError: the detector cannot be opened or fetched.
        """
        with self._lock:
            if self._finder is None:
                self._finder = PeopleFinder(self.detector)
            return self._finder

    def unready(self) -> str | None:
        """Why searches by picture cannot be answered; None where they can. Anybody may ask, so it loads nothing."""
        try:
            known = self.gallery.models()
        except PasserbyError as error:
            return str(error)
        if not known:
            return "the gallery is empty"
        return None if self.searcher.loaded else "the model is not loaded yet"

    def close(self) -> None:
        """Wait for what is being done, and let go of the gallery."""
        self._threads.shutdown()
        self.gallery.close()


class ShownPictures:
    """Whose pictures somebody was shown a while ago, by an entry of the log that covers them.

    A list of hits is one entry; its pictures, which are asked for one by one, need none of their own.
    """

    def __init__(self) -> None:
        self._until: OrderedDict[tuple[str, int], float] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, actor: str, *tracklets: int) -> None:
        """Remember that the log tells of it."""
        until = time.monotonic() + _SECONDS_SHOWN
        with self._lock:
            for number in tracklets:
                self._until[actor, number] = until
                self._until.move_to_end((actor, number))
            while len(self._until) > _REMEMBERED:
                self._until.popitem(last=False)

    def covers(self, actor: str, tracklet: int) -> bool:
        """Whether the log tells of it."""
        with self._lock:
            return self._until.get((actor, tracklet), 0.0) > time.monotonic()
