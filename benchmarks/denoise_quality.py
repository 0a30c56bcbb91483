"""How good the identities are, level by level and choice by choice, on tracklets whose truth is known.

    python benchmarks/denoise_quality.py tracklets.parquet --features features.parquet
    python benchmarks/denoise_quality.py --simulated 0.1        # features alone, a tenth of the samples switched

The table needs `true_identity`; `passerby synth tracklets` makes such tables. Printed are the thresholds that
calibration proposes, and tables of stages, of linkages, and of thresholds around the proposal.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from passerby.metrics.correlation import correlation_quality, exclusion_quality
from passerby.report.denoising import true_identities
from passerby.tracklets.arrangement import arrange
from passerby.tracklets.calibration import FALSE_LINKS, calibrate
from passerby.tracklets.correlation import REALLOCATED, Correlation, arrays_of, correlate
from passerby.tracklets.options import DenoisingOptions
from passerby.tracklets.table import TrackletTable, open_tracklets, read_features
from passerby.tracklets.work import MemoryWork

Run = Callable[[DenoisingOptions], Correlation]
Show = Callable[[Correlation], str]

HEADER = (
    "coverage | identities | largest | pair P | pair R | F1 | across videos | purity | inv. purity | F1, dropped alone"
)


def row(found: Correlation, truth: Any, table: "TrackletTable | Simulated") -> str:
    quality = correlation_quality(found.identities, truth, table.videos)
    kept = quality.kept
    shares = (kept.precision, kept.recall, kept.f1, kept.cross_video_recall, kept.purity, kept.inverse_purity)
    cells = [f"{quality.coverage:.3f}", f"{kept.clusters}", f"{found.components.largest}"]
    cells += [f"{share:.3f}" for share in (*shares, quality.all.f1)]
    return " | ".join(cells)


def noise_of(found: Correlation) -> str:
    noise = found.levels[-1].noise
    return "" if noise is None else f" | {noise.consistency:.3f} | {noise.discrimination:.3f}"


def stages(run: Run, options: DenoisingOptions, show: Show, _: dict[str, float]) -> None:
    print(f"\n| stage | {HEADER} | n_cst | n_drm |\n|{'---|' * 13}")
    for name, levels in (
        ("tracklets of the input", ()),
        ("+ level 1", (1,)),
        ("+ level 2", (1, 2)),
        ("+ level 3", (1, 2, 3)),
        ("level 3 alone", (3,)),
        ("levels 2 and 3", (2, 3)),
        ("levels 1 and 3", (1, 3)),
    ):
        found = run(replace(options, levels=levels, measure_noise=True))
        print(f"| {name} | {show(found)}{noise_of(found)} |")
    found = run(replace(options, half_width=10))
    print(f"| + level 3, half_width 10 | {show(found)} | | |")


def linkages(run: Run, options: DenoisingOptions, show: Show, proposed: dict[str, float]) -> None:
    print(f"\n| levels 1 to 3 | sigma_discrimination | {HEADER} |\n|{'---|' * 12}")
    reallocation = proposed["re-allocation"]
    choices: list[tuple[str, dict[str, Any]]] = [
        ("closure (the paper)", {}),
        ("closure, at most 20 tracklets", {"max_component": 20, "oversize": "split"}),
        ("closure, overlaps apart", {"exclusive": True}),
        ("closure, 10 neighbours by faiss", {"search": "neighbours", "neighbours": 10}),
        ("mutual, 3 nearest", {"linkage": "mutual", "neighbours": 3}),
        ("mutual, 3 nearest, overlaps apart", {"linkage": "mutual", "neighbours": 3, "exclusive": True}),
        ("average", {"linkage": "average"}),
        ("average, overlaps apart", {"linkage": "average", "exclusive": True}),
        ("average, running centroids", {"linkage": "average", "centroids": "running"}),
        ("closure, calibrated re-allocation", {"sigma_reallocation": reallocation}),
        ("average, calibrated re-allocation", {"linkage": "average", "sigma_reallocation": reallocation}),
    ]
    for name, choice in choices:
        sigma = proposed[choice.get("linkage", "closure")]
        print(f"| {name} | {sigma:.3f} | {show(run(replace(options, sigma_discrimination=sigma, **choice)))} |")


def sensitivity(run: Run, options: DenoisingOptions, show: Show, proposed: dict[str, float]) -> None:
    print(f"\n| linkage | sigma_consistency | sigma_discrimination | {HEADER} |\n|{'---|' * 13}")
    for linkage in ("closure", "average"):
        consistency, discrimination = options.sigma_consistency, proposed[linkage]
        pairs = [("the paper's", 0.2, 0.18), ("proposed", consistency, discrimination)]
        pairs += [("", consistency, discrimination * factor) for factor in (0.5, 0.7, 1.4, 2.0, 3.0)]
        pairs += [("", consistency * factor, discrimination) for factor in (0.5, 0.7, 1.4, 2.0)]
        for name, first, second in pairs:
            if second < 2:
                chosen = replace(options, linkage=linkage, sigma_consistency=first, sigma_discrimination=second)
                print(f"| {linkage} {name} | {first:.3f} | {second:.3f} | {show(run(chosen))} |")


def detector(name: str, found: Correlation, truth: Any, table: "TrackletTable | Simulated") -> None:
    arrangement = arrange(table.videos, table.tracklets, table.frames)
    given = np.empty(table.count, np.int64)
    given[arrangement.order] = np.repeat(np.arange(arrangement.tracklets.size - 1), np.diff(arrangement.tracklets))
    quality = exclusion_quality(
        given,
        found.tracklets,
        truth,
        excluded=~np.isnan(found.other_distances),
        reallocated=found.outcomes == REALLOCATED,
    )
    print(
        f"\nLevel 1 excluded {quality.excluded} of {table.count}; {quality.wrong} were wrong: precision "
        f"{quality.precision:.3f}, recall {quality.recall:.3f}. Level 2 re-allocated {quality.reallocated} {name}, "
        f"{quality.reallocation_accuracy:.3f} of them to their own person."
    )


class Simulated(NamedTuple):
    """Columns of simulated samples, named as those of a table."""

    features: NDArray[np.float32]
    tracklets: NDArray[np.int64]
    videos: NDArray[np.int64]
    frames: NDArray[np.int64]
    truth: NDArray[np.int64]

    @property
    def count(self) -> int:
        return len(self.features)


def simulated(
    switched: float, look: float, people: int = 400, videos: int = 120, width: int = 64, seed: int = 0
) -> Simulated:
    """12 people in each video, each with a look of its own there; tracklets that break, switch and show background."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((people, width)) * np.geomspace(2, 0.3, width)
    columns: list[NDArray[np.int64]] = []
    looks = []
    for video in range(videos):
        for person in generator.choice(people, 12, replace=False).tolist():
            length, start = int(generator.integers(10, 30)), int(generator.integers(0, 40))
            fragment = np.cumsum(generator.random(length) < 0.03)
            count = np.full(length, 1)
            columns.append(
                np.stack([video * count, person * 100 + fragment, start + np.arange(length), person * count])
            )
            here = centres[person] + look * generator.standard_normal(width)
            looks.append(here + 0.45 * generator.standard_normal((length, width)))
    table, features = np.concatenate(columns, axis=1), np.concatenate(looks)
    video, tracklet, frame, truth = table
    for each in range(videos):
        rows = np.flatnonzero((video == each) & (generator.random(video.size) < switched))
        shuffled = generator.permutation(rows)
        features[rows], truth[rows] = features[shuffled], truth[shuffled]
    background = np.flatnonzero(generator.random(video.size) < 0.03)
    features[background] = generator.standard_normal((background.size, width)) * np.geomspace(2, 0.3, width)
    truth[background] = -1
    return Simulated(features.astype(np.float32), tracklet, video, frame, truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, nargs="?")
    parser.add_argument("--simulated", type=float, help="share of samples switched")
    parser.add_argument("--look", type=float, default=0.55, help="simulated: how differently people look in each video")
    parser.add_argument("--features", type=Path)
    parser.add_argument("--center", action="store_true")
    parser.add_argument("--only", choices=["stages", "linkages", "sensitivity"])
    arguments = parser.parse_args()
    table: TrackletTable | Simulated
    if arguments.table is None:
        table = simulated(arguments.simulated or 0.0, arguments.look)
        features, truth = table.features, table.truth
    else:
        table = open_tracklets(arguments.table, arguments.features)
        known_people = true_identities(arguments.table)
        assert known_people is not None, "the table needs true_identity"
        truth = known_people
        with tempfile.TemporaryDirectory() as folder:
            features = np.array(read_features(table, Path(folder) / "features.npy"))
    columns = (features, table.tracklets, table.videos)
    found = {
        linkage: calibrate(*columns, frames=table.frames, linkage=linkage, center=arguments.center)
        for linkage in FALSE_LINKS
    }
    proposed: dict[str, float] = {linkage: each.sigma_discrimination for linkage, each in found.items()}
    first = found["closure"]
    proposed["re-allocation"] = first.sigma_reallocation
    known = "overlap in time" if first.overlapping else "being tracklets of one video"
    print(
        f"{table.count} images; sigma_consistency {first.sigma_consistency:.3f} proposed, {first.switched:.3f} of "
        f"samples estimated to be switched; different people told by {known}"
    )
    arrangement = arrange(table.videos, table.tracklets, table.frames)

    def run(options: DenoisingOptions) -> Correlation:
        return correlate(MemoryWork(arrays_of(features, arrangement, options), options))

    def show(correlation: Correlation) -> str:
        return row(correlation, truth, table)

    options = DenoisingOptions(
        sigma_consistency=first.sigma_consistency,
        sigma_discrimination=proposed["closure"],
        center=arguments.center,
        oversize="keep",
        measure_noise=False,
    )
    for name, part in (("stages", stages), ("linkages", linkages), ("sensitivity", sensitivity)):
        if arguments.only in (None, name):
            part(run, options, show, proposed)
    detector("as in the paper", run(options), truth, table)
    chosen = replace(options, sigma_reallocation=first.sigma_reallocation)
    detector(f"below {first.sigma_reallocation:.3f}", run(chosen), truth, table)


if __name__ == "__main__":
    main()
