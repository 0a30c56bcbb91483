"""Names of pixel caches: which images, and which state of their files.

The name has two parts: the family (root, paths and what is stored of an image) and the version (sizes and modification
times of the files). A cache whose version no longer fits is never changed; its family tells where unchanged images can
be copied from.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import PIL
from numpy.typing import NDArray

from passerby.data.pixels.decoding import Interpolation, Size
from passerby.data.split import Split

FORMAT = 1
"""Version of the files in a cache; raise it with every change of what they mean."""

_PATHS_AT_ONCE = 65_536  # as Python strings; a column of millions stays in Arrow


@dataclass(frozen=True)
class CacheKind:
    """The form in which images are stored: resized to `size` by `interpolation`; both None for native size."""

    size: Size | None
    interpolation: Interpolation | None

    @property
    def description(self) -> str:
        """For messages and names of folders."""
        return "at native size" if self.size is None else f"at {self.size[0]}x{self.size[1]} ({self.interpolation})"


def file_stats(split: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Size in bytes and modification time in nanoseconds of every file, int64 [N]; -1 where it is missing."""
    sizes = np.full(len(split), -1, dtype=np.int64)
    times = np.full(len(split), -1, dtype=np.int64)
    for row, path in enumerate(_paths(split)):
        try:
            status = os.stat(os.path.join(split.root, path))  # noqa: PTH116, PTH118 - four million Path objects cost a minute
        except OSError:
            continue  # reported when the image is decoded, together with all others that cannot be read
        sizes[row], times[row] = status.st_size, status.st_mtime_ns
    return sizes, times


def cache_name(split: Split, kind: CacheKind, sizes: NDArray[np.int64], times: NDArray[np.int64]) -> tuple[str, str]:
    """Family and version of the cache of a split whose files have these sizes and modification times."""
    family = hashlib.blake2b(digest_size=8)
    # Pillow's version counts where it has resized: its results change between versions, if by very little.
    made_by = (FORMAT, kind.size, kind.interpolation, PIL.__version__ if kind.size is not None else None)
    family.update(repr((str(split.root.resolve()), len(split), made_by)).encode())
    for path in _paths(split):
        family.update(path.encode() + b"\0")
    version = hashlib.blake2b(np.stack([sizes, times]).tobytes(), digest_size=6)
    label = "native" if kind.size is None else f"{kind.size[0]}x{kind.size[1]}-{kind.interpolation}"
    return f"{label}-{family.hexdigest()}", version.hexdigest()


def _paths(split: Split) -> Iterator[str]:
    for begin in range(0, len(split), _PATHS_AT_ONCE):
        yield from split.paths.slice(begin, _PATHS_AT_ONCE).to_pylist()
