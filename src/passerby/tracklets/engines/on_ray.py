"""The pieces of a step on Ray Data: one row of a data set for each, run wherever Ray finds room."""

import logging
from collections.abc import Iterator
from pathlib import Path

from passerby import errors
from passerby.tracklets.engines.pieces import run_piece


def run_on_ray(folder: Path, step: str, pieces: list[int]) -> Iterator[int]:
    """Run pieces of a step on the running Ray cluster, or on one started here, and yield each that is done.

    Args:
        folder: of the work; every machine of the cluster must see it under this name.
        step: what to do.
        pieces: their numbers.

    Raises:
        DeviceError: Ray is not installed.
        PasserbyError: what a piece raised, as it would be without Ray.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise errors.DeviceError(
            "--engine ray needs Ray: pip install 'passerby[ray]', or use --engine local"
        ) from error
    if not ray.is_initialized():
        ray.init(logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    blocks = min(len(pieces), 1000)
    rows = ray.data.from_items([{"piece": piece} for piece in pieces], override_num_blocks=blocks)
    for row in rows.map(_RunPiece(folder.resolve(), step)).iter_rows():
        if row["kind"]:
            raise getattr(errors, row["kind"])(row["message"])
        yield int(row["piece"])


class _RunPiece:
    """Run the piece that a row names; an error for the user comes back as a row.

    Ray Data raises only the text of an exception: its class and its one line would be lost.
    """

    def __init__(self, folder: Path, step: str) -> None:
        self._folder, self._step = folder, step

    def __call__(self, row: dict[str, int]) -> dict[str, int | str]:
        try:
            run_piece(self._folder, self._step, row["piece"])
        except errors.PasserbyError as error:
            return {"piece": row["piece"], "kind": type(error).__name__, "message": str(error)}
        return {"piece": row["piece"], "kind": "", "message": ""}
