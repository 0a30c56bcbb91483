"""Prefetching of batches in a background thread."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass
class _Exchange(Generic[Item]):
    """What the thread and its prefetcher share.

    Ctrl-C may interrupt the main thread anywhere, also where `queue.Queue` and `threading.Event`, which are written in
    Python, have taken a lock and are about to remember so: the lock would never be freed, and closing wait for ever.
    A SimpleQueue is written in C and a flag needs no lock.

    Attributes:
        ready: items and errors, in order.
        room: one entry for each item that may be made.
        stopped: nobody wants the items any more.
    """

    ready: "queue.SimpleQueue[tuple[Item | None, BaseException | None]]" = field(default_factory=queue.SimpleQueue)
    room: "queue.SimpleQueue[None]" = field(default_factory=queue.SimpleQueue)
    stopped: bool = False


class Prefetcher(Generic[Item]):
    """Iterates over `items` in a thread, at most `depth` ahead.

    What the thread raises is raised again where the item is asked for. The thread ends with the items, with `close`,
    or when the prefetcher is no longer referred to (a loop that was left, an exception, Ctrl-C).

    Args:
        items: where items come from; used by the thread alone.
        depth: how many to have ready.
    """

    def __init__(self, items: Iterator[Item], depth: int) -> None:
        self._exchange: _Exchange[Item] = _Exchange()
        for _ in range(depth):
            self._exchange.room.put(None)
        # The thread must not refer to the prefetcher, or it would keep it alive.
        self._thread = threading.Thread(
            target=_fill, args=(items, self._exchange), name="passerby-prefetch", daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        if self._exchange.stopped:
            raise StopIteration
        item, error = self._exchange.ready.get()
        if error is not None:
            self.close()
            raise error
        self._exchange.room.put(None)
        return item  # type: ignore[return-value]  # None only beside an error

    def close(self) -> None:
        """Stop the thread and wait until it has; it finishes the item it is making."""
        self._exchange.stopped = True
        self._exchange.room.put(None)  # wakes it where it waits for room
        begun = self._thread.ident is not None  # Ctrl-C may come before it has
        if begun and self._thread is not threading.current_thread():
            self._thread.join()

    def __del__(self) -> None:
        self.close()


def _fill(items: Iterator[Item], exchange: _Exchange[Item]) -> None:
    try:
        for item in items:
            exchange.room.get()
            if exchange.stopped:
                return
            exchange.ready.put((item, None))
        exchange.ready.put((None, StopIteration()))
    except BaseException as error:  # raised again in the thread that asks for the item
        exchange.ready.put((None, error))
