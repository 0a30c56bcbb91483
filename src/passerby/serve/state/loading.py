"""The model that searches pictures is loaded once, when the service is started."""

import asyncio

from passerby.progress import log_line
from passerby.serve.state.faults import told
from passerby.serve.state.service import Service

_SECONDS_BETWEEN = 30.0


async def load_model(service: Service, pause: float = _SECONDS_BETWEEN) -> None:
    """Load it, and where that fails, as of an empty gallery, try again; why it fails is told once on stderr.

    A fault that nobody foresaw is told too, since nobody else awaits this task.

    Args:
        service: that searches.
        pause: seconds from one try to the next.
    """
    before = ""
    while not service.searcher.loaded:
        try:
            await service.run(service.searcher.check, service.gallery)
        except Exception as error:
            if (why := told(error)) != before:
                before = why
                log_line(f"the model is not loaded: {why}", show=True)
            await asyncio.sleep(pause)
