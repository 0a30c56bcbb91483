"""Pools of worker processes that end with the process that started them, whatever ends it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor


def worker_pool(workers: int, prepare: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """A pool of new processes, which leave Ctrl-C to this one.

    They are spawned, not forked: this process may have threads, such as a progress bar's, and a fork can inherit their
    locks. When this process is killed they end too, and with the last of them the semaphores that they share.

    Args:
        workers: how many.
        prepare: called once in each; a function of a module.
    """
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(prepare,))


def _begin(prepare: Callable[[], None] | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="passerby-parent", daemon=True).start()
    if prepare is not None:
        prepare()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # in whatever the main thread is doing: nobody waits for it any more
