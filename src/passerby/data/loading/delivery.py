"""Where the work on a batch is done: in the background on a CPU, half of it on the device elsewhere."""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

import torch

from passerby.data.cache.pixel_cache import Pixels
from passerby.data.loading.prefetching import Prefetcher

Item = TypeVar("Item")


class Prepared(NamedTuple, Generic[Item]):
    """A batch as far as it is made on the CPU.

    Attributes:
        pixels: its images.
        finish: from its images to the batch on the device.
    """

    pixels: Pixels
    finish: Callable[[Pixels], Item]


def deliver(prepared: Iterator[Prepared[Item]], prefetch: int, device: torch.device) -> Iterator[Item]:
    """The finished batches, `prefetch` of them made ahead in a background thread; 0: each when it is asked for.

    All work is done there on a CPU; elsewhere only the reading is, and batches are finished on the caller's own CUDA
    stream.
    """
    if device.type == "cpu":
        return _ahead((each.finish(each.pixels) for each in prepared), prefetch)
    pin = device.type == "cuda"
    pinned = (each._replace(pixels=each.pixels.pinned()) for each in prepared) if pin else prepared
    return (each.finish(each.pixels) for each in _ahead(pinned, prefetch))


def _ahead(items: Iterator[Item], depth: int) -> Iterator[Item]:
    if depth < 1:
        yield from items
        return
    prefetcher = Prefetcher(items, depth)
    try:
        yield from prefetcher
    finally:
        prefetcher.close()
