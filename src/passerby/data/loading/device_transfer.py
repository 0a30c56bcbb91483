"""Batches from the background thread that prepares them to the device of the network."""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, Protocol, Self, TypeVar

import torch

from passerby.data.loading.prefetching import Prefetcher


class Pinnable(Protocol):
    """Images in main memory."""

    def pinned(self) -> Self:
        """The same in page-locked memory, from which copies to a GPU need not be waited for."""
        ...


Item = TypeVar("Item")
Images = TypeVar("Images", bound=Pinnable)


class Prepared(NamedTuple, Generic[Images, Item]):
    """A batch as far as it is made on the CPU.

    Attributes:
        images: in main memory.
        finish: from these images to the batch on the device.
    """

    images: Images
    finish: Callable[[Images], Item]


def transfer(prepared: Iterator[Prepared[Images, Item]], prefetch: int, device: torch.device) -> Iterator[Item]:
    """The finished batches, `prefetch` of them made ahead in a background thread; 0: each when it is asked for.

    On a CPU all work is done in that thread; for other devices it prepares batches, which are finished on the caller's
    own CUDA stream.
    """
    if device.type == "cpu":
        return _ahead((each.finish(each.images) for each in prepared), prefetch)
    pin = device.type == "cuda"
    pinned = (each._replace(images=each.images.pinned()) for each in prepared) if pin else prepared
    return (each.finish(each.images) for each in _ahead(pinned, prefetch))


def _ahead(items: Iterator[Item], depth: int) -> Iterator[Item]:
    if depth < 1:
        yield from items
        return
    prefetcher = Prefetcher(items, depth)
    try:
        yield from prefetcher
    finally:
        prefetcher.close()
