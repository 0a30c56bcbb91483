"""Tables of identities for pre-training: as they come, denoised to each level, and true; and how right each is."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from measured_runs import run_passerby
from passerby.metrics import correlation_quality

LEVELS = {"level-1": "1", "levels-1-2": "12", "all-levels": "123"}
"""Row → what `passerby denoise run --levels` takes."""

RAW, TRUTH = "raw", "truth"


def identity_table(tracklets: Path, row: str, *, embedder: str = "tiny-clip") -> Path:
    """The table of a row, made unless it is there; it lies beside the tracklets, since its paths are relative.

    Args:
        tracklets: a table with video, track and true_identity.
        row: raw, truth or one of `LEVELS`; these are denoised by average linkage with the thresholds that
            calibration proposes.
        embedder: a model as `passerby embed` takes it, whose features denoising sees.
    """
    name = row if row not in LEVELS else f"{row}-{Path(embedder).name}"
    out = tracklets.parent / f"{name}.parquet"
    if out.is_file():
        return out
    if row in LEVELS:
        _denoise(tracklets, embedder, LEVELS[row], out)
    else:
        table = pq.read_table(tracklets)
        names = table["true_identity"].to_pylist() if row == TRUTH else _tracks(table)
        pq.write_table(table.append_column("identity", pa.array(names, pa.string())), out)
    return out


def identities_of(table: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Identities found and true ones, as numbers, -1 for nobody."""
    read = pq.read_table(table, columns=["identity", "true_identity"])
    found, true = (_numbers(read[name].to_pylist()) for name in ("identity", "true_identity"))
    return found, true


def describe(tables: Iterable[tuple[str, Path]]) -> None:
    """Print what each table holds, and how right it is."""
    print("| identities | images | identities | precision | recall | across videos |\n|" + "---|" * 6)
    for row, table in tables:
        videos = _numbers(pq.read_table(table, columns=["video"])["video"].to_pylist())
        found, true = identities_of(table)
        kept, right = found[found >= 0], correlation_quality(found, true, videos).kept
        across = 100 * (right.cross_video_recall or 0.0)
        judged = f"{100 * right.precision:.1f} | {100 * right.recall:.1f} | {across:.1f}"
        print(f"| {row} | {len(kept):,} | {len(np.unique(kept)):,} | {judged} |")


def _tracks(table: pa.Table) -> list[str]:
    pairs = zip(table["video"].to_pylist(), table["track"].to_pylist(), strict=True)
    return [f"{video}-{track}" for video, track in pairs]


def _denoise(tracklets: Path, embedder: str, levels: str, out: Path) -> None:
    features = tracklets.parent / f"features-{Path(embedder).name}.parquet"
    if not features.is_file():
        run_passerby(["embed", embedder, str(tracklets), "-o", str(features)])
    given = [str(tracklets), "--features", str(features), "--center", "--linkage", "average"]
    printed = run_passerby(["denoise", "calibrate", *given, "--json"], stdout=subprocess.PIPE)
    proposed = json.loads(printed)
    names = ("sigma_consistency", "sigma_discrimination", "sigma_reallocation")
    thresholds = [text for name in names for text in (f"--{name.replace('_', '-')}", str(proposed[name]))]
    run_passerby(["denoise", "run", *given, *thresholds, "--levels", levels, "-o", str(out)])


def _numbers(names: list[object]) -> NDArray[np.int64]:
    texts = np.array([str(name) for name in names])
    numbers = np.unique(texts, return_inverse=True)[1].astype(np.int64)
    numbers[np.isin(texts, ("-1", "None"))] = -1
    return numbers
