"""Making the next batches in the background while the network works on this one."""

import queue
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")

_SECONDS_BETWEEN_CHECKS = 0.1


class Prefetcher(Generic[Item]):
    """Iterates over `items` in a thread, at most `depth` ahead.

    What the thread raises is raised again where the item is asked for. The thread ends with the items, with `close`,
    or when the prefetcher is no longer referred to (a loop that was left, an exception, Ctrl-C).

    Args:
        items: where items come from; used by the thread alone.
        depth: how many to have ready.
    """

    def __init__(self, items: Iterator[Item], depth: int) -> None:
        self._ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(depth)
        self._stop = threading.Event()
        # The thread must not refer to the prefetcher, or it would keep it alive.
        self._thread = threading.Thread(
            target=_fill, args=(items, self._ready, self._stop), name="passerby-prefetch", daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        if self._stop.is_set():
            raise StopIteration
        item, error = self._ready.get()
        if error is not None:
            self.close()
            raise error
        return item  # type: ignore[return-value]  # None only beside an error

    def close(self) -> None:
        """Stop the thread and wait until it has; it finishes the item it is making."""
        self._stop.set()
        begun = self._thread.ident is not None  # Ctrl-C may come before it has
        if begun and self._thread is not threading.current_thread():
            self._thread.join()

    def __del__(self) -> None:
        self.close()


def _fill(
    items: Iterator[Item], ready: "queue.Queue[tuple[Item | None, BaseException | None]]", stop: threading.Event
) -> None:
    try:
        for item in items:
            if not _put((item, None), ready, stop):
                return
        _put((None, StopIteration()), ready, stop)
    except BaseException as error:  # raised again in the thread that asks for the item
        _put((None, error), ready, stop)


def _put(
    entry: tuple[Item | None, BaseException | None],
    ready: "queue.Queue[tuple[Item | None, BaseException | None]]",
    stop: threading.Event,
) -> bool:
    """Wait for room; False if nobody wants the items any more."""
    while not stop.is_set():
        try:
            ready.put(entry, timeout=_SECONDS_BETWEEN_CHECKS)
        except queue.Full:
            continue
        return True
    return False
