"""Check that no file is in two sets of training images, whose identities count as different people."""

import os
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from passerby.data.image_files import examples
from passerby.data.split import Split
from passerby.errors import DataError

_PATHS_AT_ONCE = 65_536  # as Python strings; a column of millions stays in Arrow


def check_no_shared_files(splits: Sequence[Split], names: Sequence[str]) -> None:
    """Check that no file is in two of the splits that are trained on together, under whatever path.

    Args:
        splits: each with its own identities, which count as different people.
        names: how the data sets are called.

    Raises:
        DataError: one is; names two sets, how many files they share, and one of these.
    """
    hashes = [_hashes(split) for split in splits] if len(splits) > 1 else []
    for later in range(len(hashes)):
        for earlier in range(later):
            same_hash = set(np.intersect1d(hashes[earlier], hashes[later], assume_unique=True).tolist())
            if not same_hash:
                continue
            pair = (splits[earlier], splits[later])
            shared = set.intersection(
                *({file for file in _real_files(each) if hash(file) in same_hash} for each in pair)
            )
            if shared:
                raise DataError(
                    f"{names[earlier]} and {names[later]} share {len(shared):,} images ({examples([min(shared)])}), "
                    "whose people would be taken for different ones: name each image in one data set only"
                )


def _hashes(split: Split) -> NDArray[np.int64]:
    """Python's own hash of each file, int64 [at most N], sorted: a tenth of what paths would take in memory."""
    return np.unique(np.fromiter((hash(file) for file in _real_files(split)), np.int64, len(split)))


def _real_files(split: Split) -> Iterator[str]:
    """The files without links; a folder is resolved and listed once, for millions of images many times faster."""
    folders: dict[str, tuple[str, frozenset[str]]] = {}
    for begin in range(0, len(split), _PATHS_AT_ONCE):
        for path in split.paths.slice(begin, _PATHS_AT_ONCE).to_pylist():
            parent, _, name = path.rpartition("/")
            if parent not in folders:
                real = os.path.realpath(split.root / parent)
                folders[parent] = (real, _links(real))
            real, links = folders[parent]
            yield os.path.realpath(f"{real}/{name}") if name in links else f"{real}/{name}"


def _links(folder: str) -> frozenset[str]:
    """The names in a folder that are links."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_symlink())
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error
