"""What is older than tracklets are kept goes once a day, while the service runs."""

import asyncio

from passerby.progress import log_line
from passerby.serve.state.faults import told
from passerby.serve.state.service import Service

_DAY = 24 * 3600.0


async def retain_daily(service: Service, pause: float = _DAY) -> None:
    """Erase what has become too old, again and again; opening the gallery has done it once.

    What keeps it from being erased, also what nobody foresaw, is told on stderr, and it is tried again the next time.

    Args:
        service: whose gallery it is.
        pause: seconds from one time to the next.
    """
    while True:
        await asyncio.sleep(pause)
        try:
            receipt = await service.run(service.gallery.retain_as_set)
        except Exception as error:
            log_line(f"what is too old could not be erased: {told(error)}", show=True)
        else:
            if receipt is not None:
                log_line(f"erased {receipt.tracklets:,} tracklets, older than they are kept", show=True)
