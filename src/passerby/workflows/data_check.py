"""Look at a data set before it is used: what `passerby data check` does."""

from pathlib import Path

from passerby.data.benchmarks import BENCHMARKS
from passerby.data.checks.findings import Inspection
from passerby.data.checks.inspection import inspect_data
from passerby.data.formats.open_data import open_data
from passerby.progress import progress_bar


def check_data(
    data: str,
    root: Path | None = None,
    *,
    decode: bool = True,
    workers: int | None = None,
    show_progress: bool = False,
) -> Inspection:
    """Count images, identities and cameras, and look for what makes results wrong.

    Args:
        data: a benchmark's name, or a table or folder.
        root: the folder that holds the benchmark.
        decode: whether images are decoded, which finds damaged ones.
        workers: processes that read images; as many as there are cores by default.
        show_progress: on stderr.

    Raises:
        DataError: the data is not there, or not laid out as it should be.
    """
    opened = open_data(data, root, check_counts=False)
    images = sum(len(split) for split in (opened.train, opened.query, opened.gallery) if split is not None)
    with progress_bar("reading images", images, show=show_progress) as counter:
        return inspect_data(
            opened, public=BENCHMARKS.get(data), decode=decode, workers=workers, on_progress=counter.advance
        )
