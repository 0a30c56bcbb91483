"""Whether two sets of training images share files: the people on them would be taken for others."""

import os
from collections.abc import Iterator, Sequence

from passerby.data.folders import examples
from passerby.data.split import Split
from passerby.errors import DataError

_PATHS_AT_ONCE = 65_536  # as Python strings; a column of millions stays in Arrow


def refuse_shared_files(splits: Sequence[Split], names: Sequence[str]) -> None:
    """Refuse splits that are to be trained on together if a file is in two of them, under whatever path.

    Args:
        splits: each with its own identities, which count as different people.
        names: how the data sets are called.

    Raises:
        DataError: names two sets, how many files they share, and one of these.
    """
    seen: dict[str, int] = {}
    for number, split in enumerate(splits if len(splits) > 1 else ()):
        own = dict.fromkeys(_real_files(split), number)
        shared = seen.keys() & own.keys()
        if shared:
            first = min(shared)
            raise DataError(
                f"{names[seen[first]]} and {names[number]} share {len(shared):,} images ({examples([first])}), whose "
                "people would be taken for different ones: name each image in one data set only"
            )
        seen |= own


def _real_files(split: Split) -> Iterator[str]:
    """The files without links; a folder is resolved once, which for millions of images is many times faster."""
    folders: dict[str, str] = {}
    for begin in range(0, len(split), _PATHS_AT_ONCE):
        for path in split.paths.slice(begin, _PATHS_AT_ONCE).to_pylist():
            parent, _, name = path.rpartition("/")
            if parent not in folders:
                folders[parent] = os.path.realpath(split.root / parent)
            file = f"{folders[parent]}/{name}"
            yield os.path.realpath(file) if os.path.islink(file) else file  # noqa: PTH114 - four million Path objects cost a minute
