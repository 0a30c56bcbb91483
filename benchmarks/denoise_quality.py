"""How good the identities are, level by level and choice by choice, on tracklets whose truth is known.

    python benchmarks/denoise_quality.py --simulated            # features alone: no pictures, no network
    python benchmarks/denoise_quality.py tracklets.parquet --features features.parquet --switched 0.1 --broken 0.02

The table needs `true_identity`; `passerby synth --tracklets` and `passerby denoise read` make such tables. Noise is
added to it: `--switched` exchanges that share of the samples with ones of other tracklets near in time, `--broken` ends
tracklets with that chance at each sample, `--background` leaves that share of samples that show nobody. Printed are
tables of stages by share of samples switched (`noise`), of each level's contribution (`levels`), of linkages and guards
(`linkages`), and of thresholds around the proposal of calibration (`thresholds`). Calibration sees no truth.

Columns: coverage is the share of samples kept; largest is the number of tracklets of the largest component; then pair
precision, recall and F1 of kept samples, recall over pairs of different videos, purity, inverse purity, and F1 with
each dropped sample as an identity of its own.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from denoise_samples import Noise, Samples, read_samples, simulated, spoilt
from passerby.metrics import correlation_quality, exclusion_quality
from passerby.tracklets import Calibration, Correlation, DenoisingOptions, calibrate
from passerby.tracklets.arrangement import Arrangement, arrange
from passerby.tracklets.correlation import REALLOCATED, correlate
from passerby.tracklets.engines import MemoryWork, first_inputs
from passerby.tracklets.options import Linkage
from passerby.tracklets.thresholds import FALSE_LINKS

CHAINING = 1.5
"""Times the threshold proposed for closure, where closure begins to join different people."""

SHARES = (0.0, 0.1, 0.2, 0.3)
"""Of samples switched."""

MEASURES = (
    "coverage | identities | largest | pair P | pair R | F1 | across videos | purity | inv. purity | F1, dropped alone"
)

TABLES = ("noise", "levels", "linkages", "thresholds")


class Bench:
    """Samples with noise, the thresholds proposed for them, and ways to run and to judge."""

    def __init__(self, samples: Samples, *, center: bool) -> None:
        self.samples = samples
        columns = (samples.features, samples.tracklets, samples.videos)
        self.found: dict[Linkage, Calibration] = {
            linkage: calibrate(*columns, frames=samples.frames, linkage=linkage, center=center)
            for linkage in FALSE_LINKS
        }
        self.proposed = {linkage: each.sigma_discrimination for linkage, each in self.found.items()}
        self.arrangement: Arrangement = arrange(samples.videos, samples.tracklets, samples.frames)
        self.options = DenoisingOptions(
            sigma_consistency=self.found["closure"].sigma_consistency,
            sigma_discrimination=self.proposed["closure"],
            center=center,
            oversize="keep",
            measure_noise=False,
        )

    def run(self, **choice: Any) -> Correlation:
        """Denoise; by default with the proposal, the paper's linkage and all levels."""
        options = self.options.model_copy(update=choice)
        return correlate(MemoryWork(first_inputs(self.samples.features, self.arrangement, options), options))

    def row(self, found: Correlation) -> str:
        """The cells of `MEASURES`."""
        quality = correlation_quality(found.identities, self.samples.truth, self.samples.videos)
        kept = quality.kept
        shares = (kept.precision, kept.recall, kept.f1, kept.cross_video_recall, kept.purity, kept.inverse_purity)
        cells = [f"{quality.coverage:.3f}", f"{kept.clusters}", f"{found.components.largest}"]
        cells += [f"{share:.3f}" for share in (*shares, quality.all.f1)]
        return " | ".join(cells)

    def head(self) -> str:
        """What calibration saw."""
        first = self.found["closure"]
        known = "overlap in time" if first.overlapping else "being tracklets of one video"
        tracklets = self.arrangement.tracklets.size - 1
        return (
            f"{self.samples.count:,} samples, {tracklets:,} tracklets; proposed: sigma_consistency "
            f"{first.sigma_consistency:.3f}, sigma_reallocation {first.sigma_reallocation:.3f}, sigma_discrimination "
            f"{self.proposed['closure']:.3f} for closure, {self.proposed['average']:.3f} for average linkage; "
            f"{100 * first.switched:.1f} % of samples estimated to be switched; different people told by {known}"
        )


def noise_table(clean: Samples, noise: Noise, *, center: bool) -> None:
    """Stages by share of samples switched, calibrated, and the paper's thresholds."""
    print(f"\n| switched | stage | {MEASURES} |\n|{'---|' * 12}")
    for share in SHARES:
        bench = Bench(spoilt(clean, replace(noise, switched=share)), center=center)
        for name, choice in stages(bench):
            print(f"| {share:.0%} | {name} | {bench.row(bench.run(**choice))} |", flush=True)


def stages(bench: Bench) -> list[tuple[str, dict[str, Any]]]:
    fixed = {"sigma_consistency": 0.2, "sigma_discrimination": 0.18}
    average = {"linkage": "average", "sigma_discrimination": bench.proposed["average"]}
    return [
        ("tracklets of the input", {"levels": ()}),
        ("+ level 1", {"levels": (1,)}),
        ("+ level 2", {"levels": (1, 2)}),
        ("+ level 3, closure (the paper)", {}),
        ("+ level 3, average linkage", average),
        ("the same, calibrated re-allocation", {**average, "sigma_reallocation": _reallocation(bench)}),
        ("0.2 and 0.18, closure (the paper)", fixed),
        ("0.2 and 0.18, average linkage", {**fixed, "linkage": "average"}),
    ]


def _reallocation(bench: Bench) -> float:
    return bench.found["closure"].sigma_reallocation


def level_table(bench: Bench) -> None:
    """Each level with and without the others, and the paper's noise measure."""
    print(f"\n| levels | {MEASURES} | n_cst | n_drm |\n|{'---|' * 13}")
    for levels in ((), (1,), (2,), (3,), (1, 2), (2, 3), (1, 3), (1, 2, 3)):
        found = bench.run(levels=levels, measure_noise=True)
        noise = found.levels[-1].noise
        shares = " | " if noise is None else f"{noise.consistency:.3f} | {noise.discrimination:.3f}"
        name = ", ".join(str(level) for level in levels) or "none"
        print(f"| {name} | {bench.row(found)} | {shares} |", flush=True)
    print(f"| 1, 2, 3, half_width 10 | {bench.row(bench.run(half_width=10))} | | |")


def linkage_table(bench: Bench) -> None:
    """The paper's closure against what chains less, with the thresholds proposed; then some with one too large."""
    print(f"\n| levels 1 to 3 | sigma_discrimination | {MEASURES} |\n|{'---|' * 12}")
    reallocation = _reallocation(bench)
    choices: list[tuple[str, dict[str, Any]]] = [
        ("closure (the paper)", {}),
        ("closure, split above 20 tracklets", {"max_component": 20, "oversize": "split"}),
        ("closure, overlaps apart", {"exclusive": True}),
        ("closure, 10 neighbours by faiss", {"search": "neighbours", "neighbours": 10}),
        ("closure, running centroids", {"centroids": "running"}),
        ("closure, calibrated re-allocation", {"sigma_reallocation": reallocation}),
        ("mutual, 3 nearest", {"linkage": "mutual", "neighbours": 3}),
        ("mutual, 3 nearest, overlaps apart", {"linkage": "mutual", "neighbours": 3, "exclusive": True}),
        ("average", {"linkage": "average"}),
        ("average, overlaps apart", {"linkage": "average", "exclusive": True}),
        ("average, calibrated re-allocation", {"linkage": "average", "sigma_reallocation": reallocation}),
    ]
    bold = CHAINING * bench.proposed["closure"]  # guards are for thresholds that turn out too large
    too_large: list[tuple[str, dict[str, Any]]] = [
        ("closure (the paper)", {}),
        ("closure, split above 20 tracklets", {"max_component": 20, "oversize": "split"}),
        ("closure, overlaps apart", {"exclusive": True}),
        ("mutual, 3 nearest", {"linkage": "mutual", "neighbours": 3}),
        ("average", {"linkage": "average"}),
    ]
    rows = [(name, bench.proposed[choice.get("linkage", "closure")], choice) for name, choice in choices]
    for name, sigma, choice in rows + [(name, bold, choice) for name, choice in too_large]:
        print(f"| {name} | {sigma:.3f} | {bench.row(bench.run(sigma_discrimination=sigma, **choice))} |", flush=True)


def threshold_table(bench: Bench) -> None:
    """The paper's thresholds, those proposed, and multiples of these, one at a time."""
    print(f"\n| linkage | sigma_consistency | sigma_discrimination | {MEASURES} |\n|{'---|' * 13}")
    linkages: tuple[Linkage, ...] = ("closure", "average")
    for linkage in linkages:
        consistency, discrimination = bench.options.sigma_consistency, bench.proposed[linkage]
        pairs = [("the paper's", 0.2, 0.18), ("proposed", consistency, discrimination)]
        pairs += [(f"× {factor}", consistency, discrimination * factor) for factor in (0.5, 0.7, 1.4, 2.0, 3.0)]
        pairs += [(f"× {factor}", consistency * factor, discrimination) for factor in (0.5, 0.7, 1.4, 2.0)]
        for name, first, second in pairs:
            if first < 2 and second < 2:
                found = bench.run(linkage=linkage, sigma_consistency=first, sigma_discrimination=second)
                print(f"| {linkage}, {name} | {first:.3f} | {second:.3f} | {bench.row(found)} |", flush=True)


def detection(bench: Bench) -> None:
    """Levels 1 and 2, sample by sample."""
    arrangement, count = bench.arrangement, bench.samples.count
    given = np.empty(count, np.int64)
    given[arrangement.order] = np.repeat(np.arange(arrangement.tracklets.size - 1), np.diff(arrangement.tracklets))
    for name, sigma in (("as in the paper", None), (f"below {_reallocation(bench):.3f}", _reallocation(bench))):
        found = bench.run(sigma_reallocation=sigma)
        excluded, reallocated = ~np.isnan(found.other_distances), found.outcomes == REALLOCATED
        quality = exclusion_quality(
            given, found.tracklets, bench.samples.truth, excluded=excluded, reallocated=reallocated
        )
        print(
            f"\nLevel 1 excluded {quality.excluded} of {count}; {quality.wrong} were wrong: precision "
            f"{quality.precision:.3f}, recall {quality.recall:.3f}. Level 2 re-allocated {quality.reallocated} {name}, "
            f"{quality.reallocation_accuracy:.3f} of them to their own person."
        )


def report(clean: Samples, noise: Noise, tables: tuple[str, ...], *, center: bool) -> None:
    """Print tables, all but the first of samples with this noise."""
    if "noise" in tables:
        noise_table(clean, noise, center=center)
    if tables == ("noise",):
        return
    bench = Bench(spoilt(clean, noise), center=center)
    print(f"\n{noise.switched:.0%} switched: {bench.head()}")
    for name, print_table in (("levels", level_table), ("linkages", linkage_table), ("thresholds", threshold_table)):
        if name in tables:
            print_table(bench)
    detection(bench)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, nargs="?")
    parser.add_argument("--features", type=Path)
    parser.add_argument("--simulated", action="store_true", help="features alone, no table")
    parser.add_argument("--look", type=float, default=0.55, help="simulated: how differently people look in each video")
    parser.add_argument("--seed", type=int, default=1, help="simulated: everything follows from it (default: 1)")
    parser.add_argument("--switched", type=float, default=0.1)
    parser.add_argument("--broken", type=float, default=0.02)
    parser.add_argument("--background", type=float, help="default: 0.03 if simulated, else what the table has")
    parser.add_argument("--center", action="store_true")
    parser.add_argument("--only", choices=TABLES)
    arguments = parser.parse_args()
    if arguments.simulated == (arguments.table is not None):
        parser.error("name a table, or --simulated")
    if arguments.simulated:
        clean = simulated(arguments.look, seed=arguments.seed)
        background = 0.03 if arguments.background is None else arguments.background
    else:
        clean, background = read_samples(arguments.table, arguments.features), arguments.background
    noise = Noise(arguments.switched, arguments.broken, background)
    report(clean, noise, (arguments.only,) if arguments.only else TABLES, center=arguments.center)


if __name__ == "__main__":
    main()
