"""A table of every occluded image, from which each can be made again."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from passerby.atomic_files import write_atomically
from passerby.data.occlusion.occlude import Condition, Fill, Occluded, Occlusion, occlude
from passerby.data.occlusion.source import Donors, OccludedSource, OcclusionRun, read_mask
from passerby.data.pixels.decoding import Interpolation, Size, read_image, resize_image
from passerby.data.split import Split

_SCHEMA = pa.schema(
    {
        "path": pa.string(),
        "condition": pa.string(),
        "fill": pa.string(),
        "run": pa.int64(),
        "level": pa.float64(),
        "seed": pa.int64(),
        "donor": pa.string(),
        "mask": pa.string(),
        "covered": pa.float64(),
    }
)
"""`path`, `donor` and `mask` are files; `covered` is the share of pixels that were occluded."""


def manifest_rows(
    split: Split,
    run: OcclusionRun,
    level: float,
    source: OccludedSource,
    donors: tuple[Donors, NDArray[np.int64]] | None,
) -> pa.Table:
    """One row for each image of a split at one level; `source` must have given all of them."""
    files = split.paths.to_pylist()
    donor_files: list[str | None] = [None] * len(files)
    mask_files: list[str | None] = [None] * len(files)
    if donors is not None:
        people, chosen = donors
        donor_files = [str(people.split.path(int(row))) for row in chosen]
        mask_files = [None if people.masks is None else str(people.mask_file(int(row))) for row in chosen]
    columns = {
        "path": [str(split.root / file) for file in files],
        "condition": [run.condition] * len(files),
        "fill": [run.fill] * len(files),
        "run": [run.run] * len(files),
        "level": [level] * len(files),
        "seed": [run.occlusion(file, level).seed for file in files],
        "donor": donor_files,
        "mask": mask_files,
        "covered": source.covered,
    }
    return pa.table(columns, schema=_SCHEMA)


def write_manifest(tables: Iterable[pa.Table], file: Path) -> None:
    """Write rows as Parquet."""
    with write_atomically(file) as temporary:
        pa.parquet.write_table(pa.concat_tables(tables), temporary)


def reproduce(row: dict[str, object], size: Size, interpolation: Interpolation) -> Occluded:
    """The occluded image that a row of a manifest describes, at the size and interpolation of the model.

    Raises:
        DataError: a file it names cannot be read.
    """
    image = resize_image(read_image(Path(str(row["path"]))), size, interpolation)
    occlusion = Occlusion(
        cast(Condition, row["condition"]), cast(float, row["level"]), cast(int, row["seed"]), cast(Fill, row["fill"])
    )
    if row["donor"] is None or not occlusion.level:
        return occlude(image, occlusion, image)
    donor = resize_image(read_image(Path(str(row["donor"]))), size, interpolation)
    mask = None if row["mask"] is None else read_mask(Path(str(row["mask"])), size)
    return occlude(image, occlusion, donor, mask)
