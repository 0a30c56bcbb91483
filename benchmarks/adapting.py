"""What `passerby adapt` makes of a gallery of market1501-dev's training images, which nobody has labelled.

    python benchmarks/adapting.py train --market .data/market1501-dev --out runs/adapting --rows identities clusters
    python benchmarks/adapting.py show --market .data/market1501-dev --out runs/adapting

The training images are cut into tracklets by camera, sequence and frame gaps, which a tracker would give, with times of
25 frames a second, and imported into a gallery by `tiny-clip`. Nobody in it is confirmed, so the command judges by
pairs seen at once. Query and gallery of the data set, whose people are others, are looked at once for each row, after
learning.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from measured_runs import COST, cpu_minutes, figures_of, run_measured, run_passerby
from passerby.errors import DataError
from passerby.gallery import open_gallery
from passerby.metrics import correlation_quality

FRAMES_PER_SECOND = 25.0

ROWS: dict[str, tuple[str, ...]] = {
    "clusters": (),
    "identities": ("--method", "identities"),
    "ccafl": ("--method", "ccafl"),
}
"""Row → options of `passerby adapt`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("train", "show"))
    parser.add_argument("--market", type=Path, required=True, help="root of market1501-dev")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", nargs="+", choices=tuple(ROWS), default=list(ROWS))
    arguments = parser.parse_args()
    folder, market = arguments.out.resolve(), arguments.market.resolve()
    for row in arguments.rows if arguments.part == "train" else ():
        _run(folder, market, row)
    if arguments.part == "show":
        _show(folder, arguments.rows)


def _gallery(folder: Path, market: Path) -> Path:
    """The gallery that all rows begin with, imported and with its people found."""
    gallery = folder / "gallery"
    if not (folder / COST).is_file():
        run_measured(folder, ["gallery", "import", str(_table(folder, market)), "-o", str(gallery)])
        run_passerby(["gallery", "identify", str(gallery)])
    return gallery


def _table(folder: Path, market: Path) -> Path:
    """Tracklets without names, one picture for each frame."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    training = images / "bounding_box_train"
    if not training.is_symlink():
        training.symlink_to(market / training.name)
    run_passerby(["denoise", "read", "market1501", str(images), "-o", str(images / "tracklets.parquet")])
    table = pq.read_table(images / "tracklets.parquet")
    places = list(zip(*(table[name].to_pylist() for name in ("video", "track", "frame")), strict=True))
    rows = {place: row for row, place in reversed(list(enumerate(places)))}
    first = pa.array([rows[place] == row for row, place in enumerate(places)])
    times = pc.divide(pc.cast(table["frame"], pa.float64()), FRAMES_PER_SECOND)
    people = table.append_column("time", times).drop_columns(["true_identity"]).filter(first)
    pq.write_table(people, images / "people.parquet")
    return images / "people.parquet"


def _run(folder: Path, market: Path, row: str) -> None:
    """Learn from a copy of the gallery, and evaluate; exit code 1, of a worse model, is an outcome too."""
    run, copy = folder / row, folder / f"gallery-{row}"
    if not copy.exists():
        shutil.copytree(_gallery(folder, market), copy)
    command = ["adapt", str(copy), "-o", str(run), "--no-embed", "--even-if-worse", *ROWS[row]]
    run_measured(run, command)
    judged = folder / "market" / row
    run_measured(judged, ["eval", str(run), "--data", "market1501-dev", "--root", str(market), "-o", str(judged)])


def _show(folder: Path, rows: list[str]) -> None:
    with open_gallery(folder / "gallery") as opened:
        known = [each for each in opened.identities() if len(each.tracklets) > 1]
        numbers = [number for each in known for number in each.tracklets]
        true = [int(each.key.split("_")[0]) for each in opened.get(numbers)]
        found = [each.number for each in known for _ in each.tracklets]
    right = correlation_quality(np.array(found), np.array(true)).kept
    print(f"{len(known)} people of two tracklets or more, {len(numbers)} tracklets, precision {right.precision:.3f}")
    print("| row | learned from | wrong pairs | found at 1 % | mAP | rank-1 | CPU min |\n|" + "---|" * 7)
    for row in rows:
        record = folder / row / "adaptation.json"
        if not (folder / row / COST).is_file():
            continue
        outcome = json.loads(record.read_text())["outcome"]
        if outcome["measure"] != "pairs":
            raise DataError(f"{record}: was judged by {outcome['measure']}, though nobody is confirmed")
        pairs = " | ".join(
            f"{100 * outcome['before'][key]:.1f} → {100 * outcome['after'][key]:.1f}"
            for key in ("wrong_pairs", "found_at_1_percent")
        )
        figures = figures_of(folder / "market" / row)
        shown = " | ".join(f"{100 * figures[name]:.1f}" for name in ("mAP", "rank1"))
        print(f"| {row} | {outcome['pictures']:,} pictures | {pairs} | {shown} | {cpu_minutes(folder / row):.1f} |")


if __name__ == "__main__":
    main()
