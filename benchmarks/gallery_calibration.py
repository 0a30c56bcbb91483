"""Whether a gallery's probabilities come true, and its false-match rates are met, where the truth is known.

    passerby synth --tracklets 60 --identities 150 --cameras 4 --seed 21 -o tracks
    python benchmarks/gallery_calibration.py tiny-clip --table tracks/tracklets.parquet
    python benchmarks/gallery_calibration.py tiny-clip --market .data/market1501-dev

A gallery is filled with tracklets and learns from itself what cosines mean, as ever; then all pairs of tracklets are
held against the truth. Of Market-1501, whose file names tell camera, sequence and frame, the pictures of a person in a
sequence are one tracklet, cut where the person was away for five seconds. A drawn tracklet's person is that of most of
its pictures; since trackers mix people up and follow some twice, a second part leaves such tracklets out.
"""

import argparse
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

import passerby
from passerby.gallery import Calibration, ModelKey, NewTracklet, open_gallery
from passerby.gallery.probability.reliability import calibration_error, reliability
from passerby.report.html.charts import Line, curve_chart
from passerby.workflows.indexing.tracked_people import model_key, tracklet_feature

_FPS = 25.0
_AWAY = 125
"""Frames; whoever is away for longer begins a new tracklet."""

_RATES = (0.1, 0.03, 0.01, 0.003, 0.001)
_NAME = re.compile(r"(-?\d+)_c(\d)s(\d)_(\d+)_\d+\.jpg")


class Track(NamedTuple):
    """A tracklet with its truth."""

    video: str
    camera: str
    person: str
    frames: list[int]
    files: list[Path]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--table", type=Path, help="tracklets, as passerby synth --tracklets draws them")
    source.add_argument("--market", type=Path, help="a folder in the layout of Market-1501; test and query are taken")
    parser.add_argument("--figure", type=Path, help="receives the reliability diagram, .svg")
    arguments = parser.parse_args()
    model = passerby.load(arguments.model)
    key = model_key(model, arguments.model)
    kinds = {"": of_market(arguments.market)} if arguments.market else of_table(arguments.table)
    files = sorted({file for tracks in kinds.values() for track in tracks for file in track.files})
    embedded = dict(zip(files, model.embed(files), strict=True))
    for name, tracks in kinds.items():
        print(f"\n{name}\n" if name else "")
        features = [tracklet_feature(np.stack([embedded[file] for file in track.files])) for track in tracks]
        calibration = learned(key, tracks, features)
        vectors = np.stack([feature.vector for feature in features]).astype(np.float16).astype(np.float64)
        cosines = (vectors @ vectors.T)[np.triu_indices(len(tracks), 1)]
        report(tracks, cosines, calibration, arguments.figure)


def of_table(table: Path) -> dict[str, list[Track]]:
    """Tracklets of a table with `true_identity`: all, and those that hold one person who is in no other then."""
    found: dict[tuple[str, str], list[dict[str, object]]] = defaultdict(list)
    for row in pq.read_table(table).to_pylist():
        found[row["video"], row["track"]].append(row)
    tracked, pure = [], []
    for (video, _), rows in sorted(found.items()):
        rows.sort(key=lambda row: row["frame"])
        track = _track(video, rows, table)
        tracked.append(track)
        twice = any(each.video == video and each.person == track.person and _at_once(each, track) for each in pure)
        if len({row["true_identity"] for row in rows}) == 1 and not twice:
            pure.append(track)
    return {"as tracked": tracked, "without the tracker's mistakes": pure}


def _at_once(one: Track, other: Track) -> bool:
    return one.frames[0] <= other.frames[-1] and other.frames[0] <= one.frames[-1]


def _track(video: str, rows: Sequence[Mapping[str, object]], table: Path) -> Track:
    person = Counter(row["true_identity"] for row in rows).most_common(1)[0][0]
    files = [table.parent / row["path"] for row in rows]
    return Track(video, rows[0]["camera"], person, [row["frame"] for row in rows], files)


def of_market(root: Path) -> list[Track]:
    """Tracklets of the pictures for testing, of people with a number."""
    found: dict[tuple[str, str, str], list[tuple[int, Path]]] = defaultdict(list)
    for file in sorted([*(root / "bounding_box_test").glob("*.jpg"), *(root / "query").glob("*.jpg")]):
        match = _NAME.fullmatch(file.name)
        if match and int(match[1]) > 0:
            found[match[1], match[2], match[3]].append((int(match[4]), file))
    tracks = []
    for (person, camera, sequence), pictures in sorted(found.items()):
        pictures.sort()
        cuts = [place for place in range(1, len(pictures)) if pictures[place][0] - pictures[place - 1][0] > _AWAY]
        for first, end in zip([0, *cuts], [*cuts, len(pictures)], strict=True):
            frames, files = zip(*pictures[first:end], strict=True)
            tracks.append(Track(f"c{camera}s{sequence}", f"c{camera}", person, list(frames), list(files)))
    return tracks


def learned(key: ModelKey, tracks: Sequence[Track], features: Sequence[object]) -> Calibration:
    """What a gallery of these tracklets learns of the model."""
    with tempfile.TemporaryDirectory() as folder, open_gallery(folder, create=True) as gallery:
        gallery.add(
            NewTracklet(
                key=f"{number}",
                camera=track.camera,
                video=track.video,
                begins=track.frames[0] / _FPS,
                ends=track.frames[-1] / _FPS,
                frames=len(track.frames),
                height=128.0,
                features={key: feature},
            )
            for number, (track, feature) in enumerate(zip(tracks, features, strict=True))
        )
        return gallery.calibration(key)


def report(tracks: Sequence[Track], cosines: np.ndarray, calibration: Calibration, figure: Path | None) -> None:
    """Print the tables."""
    people = np.unique([track.person for track in tracks], return_inverse=True)[1]
    cameras = np.unique([track.camera for track in tracks], return_inverse=True)[1]
    first, second = np.triu_indices(len(tracks), 1)
    same, within = people[first] == people[second], cameras[first] == cameras[second]
    print(f"{len(tracks):,} tracklets of {people.max() + 1:,} people; {calibration.same:,} pairs of halves and "
          f"{calibration.apart:,} pairs seen at once were learned from.\n")  # fmt: skip
    print("| false-match rate asked for | met, of all pairs of two people | of one camera | of two cameras |")
    print("|---|---|---|---|")
    for rate in _RATES:
        if rate * calibration.apart >= 1:
            passed = cosines >= calibration.threshold(rate)
            shares = [passed[kind & ~same].mean() for kind in (within | ~within, within, ~within)]
            print(f"| {rate:g} | {' | '.join(f'{share:.2g}' for share in shares)} |")
    foretold = np.array([calibration.probability(cosine) for cosine in cosines.tolist()], np.float64)
    lines = [Line("as foretold", np.array([0.0, 1.0]), np.array([0.0, 1.0]))]
    print("\n| pairs | foretold → observed, in ten bins | mean distance |\n|---|---|---|")
    for name, kind in (("of one camera", within), ("of two cameras", ~within)):
        bins = reliability(foretold[kind], same[kind])
        shown = ", ".join(f"{each.foretold:.2f} → {each.observed:.2f}" for each in bins)
        print(f"| {name} ({(kind & same).sum():,} of one person, {(kind & ~same).sum():,} of two) | {shown} | "
              f"{calibration_error(bins):.3f} |")  # fmt: skip
        lines.append(Line(name, np.array([each.foretold for each in bins]), np.array([each.observed for each in bins])))
    if figure is not None:
        marks = [(share / 4, f"{25 * share} %") for share in range(5)]
        figure.write_text(curve_chart("Probabilities foretold and observed", "foretold", lines, marks, marks))


if __name__ == "__main__":
    main()
