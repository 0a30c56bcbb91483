"""Tables of tracklets out of data sets that are laid out their own way."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from passerby.atomic_files import write_atomically
from passerby.data.formats.table import unique_paths
from passerby.errors import DataError
from passerby.output_lock import alone_at
from passerby.tracklets.tables.annotations import read_cion_al, read_synth_pedes
from passerby.tracklets.tables.luperson_nl import read_luperson_nl
from passerby.tracklets.tables.stills import read_market1501, read_mars, read_msmt17
from passerby.tracklets.tables.table import check_output

Parts = Iterator[pa.Table]


def write_tracklets(kind: str, source: Path, out: Path, *, gap: int = 100) -> int:
    """Write the table of tracklets of a data set; returns the number of its rows.

    Args:
        kind: a key of `SOURCES`.
        source: a folder for the first three, a file for the others.
        out: the Parquet file to write; paths in it are relative to its folder.
        gap: Market-1501 and MSMT17: a tracklet ends where the same person is not seen for so many frames.

    Raises:
        DataError: the kind is unknown, or the source is not as it should be, or names an image twice.
    """
    if kind not in SOURCES:
        raise DataError(f"{kind!r} is no known layout of tracklets: use one of {', '.join(SOURCES)}")
    if not source.exists():
        raise DataError(f"{source} does not exist: name the folder or file of {kind}")
    check_output(out, source)
    with alone_at(out), write_atomically(out) as temporary:
        with ExitStack() as stack:
            writer = None
            for part in SOURCES[kind](source, out.parent, gap):
                writer = writer or stack.enter_context(pq.ParquetWriter(temporary, part.schema))
                writer.write_table(part)
        if writer is None:
            raise DataError(f"{source} names no images of {kind}")
        paths = pq.read_table(temporary, columns=["path"])
        unique_paths(paths, source)
    return int(paths.num_rows)


SOURCES: dict[str, Callable[[Path, Path, int], Parts]] = {
    "market1501": read_market1501,
    "msmt17": read_msmt17,
    "mars": lambda source, relative_to, _: read_mars(source, relative_to),
    "luperson-nl": lambda source, _, __: read_luperson_nl(source),
    "synth-pedes": lambda source, relative_to, _: read_synth_pedes(source, relative_to),
    "cion-al": lambda source, relative_to, _: read_cion_al(source, relative_to),
}
"""From a source, the folder that paths are to be relative to, and the gap, to parts of a table."""
