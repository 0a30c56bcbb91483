"""A fingerprint of a split, equal for copies of the same data."""

import hashlib

import numpy as np

from passerby.data.split import IntegerColumn, Split

_FILES_MEASURED = 64
_PATHS_AT_ONCE = 65_536  # as Python strings; a column of millions stays in Arrow


def fingerprint(split: Split, *, sizes: bool = True) -> str:
    """32 hexadecimal digits from paths, labels, their names, and the sizes of 64 files spread over the split.

    The root does not enter, so a moved copy is the same data; the sizes tell sets apart whose files are only called the
    same, such as two synthetic worlds. Only those 64 files are looked at, so millions of images cost seconds; without
    `sizes`, none is.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((len(split), split.identity_names, split.camera_names)).encode())
    for column in (split.identities, split.cameras, split.tracks):
        digest.update(b"none" if column is None else np.ascontiguousarray(column).tobytes())
    for begin in range(0, len(split), _PATHS_AT_ONCE):
        for path in split.paths.slice(begin, _PATHS_AT_ONCE).to_pylist():
            digest.update(path.encode() + b"\0")
    if sizes:
        digest.update(_sizes(split).tobytes())
    return digest.hexdigest()


def _sizes(split: Split) -> IntegerColumn:
    """Bytes of some files, int64 [at most 64]; -1 where one is missing."""
    rows = np.unique(np.linspace(0, len(split) - 1, min(_FILES_MEASURED, len(split))).astype(np.int64))
    files = [split.path(int(row)) for row in rows]
    return np.array([file.stat().st_size if file.is_file() else -1 for file in files], dtype=np.int64)
