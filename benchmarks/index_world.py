"""Who is who in drawn films of several cameras, as a gallery finds it out, against the truth.

    passerby synth --videos 30 --cameras 4 --identities 60 --seed 21 -o world
    python benchmarks/index_world.py world --detector yolox-nano --model tiny-clip

The films are tracked and embedded as `passerby index` does it. Compared are the tracklets alone, CION's closure as
published (levels 1 to 3 on the crops), a gallery's `identify`, and what perfect
judgement of the same tracklets would give: each the person of most of its boxes.
"""

import argparse
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import passerby
from passerby.data import read_mot_truth
from passerby.gallery import open_gallery
from passerby.metrics import Trajectories
from passerby.metrics.tracking.identity import count_multi_camera_identity
from passerby.metrics.tracking.overlap import pairwise_iou
from passerby.workflows.indexing.tracked_people import model_key, read_tracked_people

_OVERLAP = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world", type=Path, help="as passerby synth drew it")
    parser.add_argument("--detector", default="yolox-nano")
    parser.add_argument("--model", default="tiny-clip")
    parser.add_argument("--looks", action="store_true", help="follow people by their looks, too")
    parser.add_argument("--tracklets", type=Path, help="keeps the tracklets, for another run")
    arguments = parser.parse_args()
    videos = sorted((arguments.world / "videos").glob("*.mp4"))
    with tempfile.TemporaryDirectory() as folder:
        place = arguments.tracklets or Path(folder) / "tracklets"
        looks = {"model": arguments.model} if arguments.looks else {}
        cameras = [f"{video}={video.stem.partition('-')[0]}" for video in videos]
        tracked = passerby.track(
            videos, place, detector=arguments.detector, cameras=cameras, report=False, show=True, **looks
        )
        boxes = pq.read_table(tracked.table)
        truths = {video.stem: read_mot_truth(arguments.world / "gt" / f"{video.stem}.txt") for video in videos}
        people = majority(boxes, truths)
        rows = {"tracklets alone": {track: number for number, track in enumerate(people)}}
        rows["closure as published"] = closure(tracked.table, arguments.model, list(people))
        rows["a gallery's identify"] = identified(
            tracked.table, arguments.model, Path(folder) / "gallery", list(people)
        )
        rows["perfect judgement"] = {
            track: person if person >= 0 else 10_000 + number for number, (track, person) in enumerate(people.items())
        }
    print(f"{len(people):,} tracklets, {len(set(people.values()) - {-1}):,} people")
    print("| | identities | multi-camera IDF1 | pair F1 | pair precision | pair recall |\n|---|---|---|---|---|---|")
    for name, labels in rows.items():
        idf1 = count_multi_camera_identity(trajectories(boxes, truths, labels)).idf1
        precision, recall = pairs(labels, people)
        f1 = 2 * precision * recall / max(precision + recall, 1e-12)
        shown = " | ".join(f"{100 * figure:.1f}" for figure in (idf1, f1, precision, recall))
        print(f"| {name} | {len(set(labels.values())):,} | {shown} |")


def majority(boxes: pa.Table, truths: Mapping[str, object]) -> dict[str, int]:
    """The person of most boxes of each tracklet; -1 where most show nobody."""
    votes: dict[str, list[int]] = {}
    for video, truth in truths.items():
        rows = boxes.filter(pa.compute.equal(boxes["video"], video))
        corners = corners_of(rows)
        frames, tracks = rows["frame"].to_numpy(), rows["track"].to_pylist()
        for frame in np.unique(frames):
            own, others = np.flatnonzero(frames == frame), np.flatnonzero(truth.frames == frame)
            overlap = pairwise_iou(corners[own], truth.boxes[others]) if len(others) else np.zeros((len(own), 1))
            best = overlap.argmax(1)
            for place, row in enumerate(own):
                found = overlap[place, best[place]] >= _OVERLAP
                votes.setdefault(tracks[row], []).append(int(truth.identities[others[best[place]]]) if found else -1)
    return {track: max(sorted(set(seen)), key=seen.count) for track, seen in votes.items()}


def closure(table: Path, model: str, tracks: Sequence[str]) -> dict[str, int]:
    """Identities of CION's levels with the published options; a tracklet's is that of most of its crops."""
    rows = pq.read_table(table)
    rows = rows.filter(pa.compute.is_valid(rows["path"]))
    features = passerby.load(model).embed([table.parent / path for path in rows["path"].to_pylist()])
    names = rows["track"].to_pylist()
    found = passerby.tracklets.denoise(features, names, rows["video"].to_pylist(), frames=rows["frame"].to_numpy())
    votes: dict[str, list[int]] = {}
    for name, identity in zip(names, found.identities.tolist(), strict=True):
        votes.setdefault(name, []).append(identity)
    fresh = itertools.count(1_000_000)
    chosen = {name: max(sorted(set(seen)), key=seen.count) for name, seen in votes.items()}
    return {track: chosen[track] if chosen.get(track, -1) >= 0 else next(fresh) for track in tracks}


def identified(table: Path, model: str, folder: Path, tracks: Sequence[str]) -> dict[str, int]:
    """Identities of a gallery that was filled as `passerby index` does it."""
    embedder = passerby.load(model)
    key = model_key(embedder, model)
    marks = dict.fromkeys(set(pq.read_table(table, columns=["video"])["video"].to_pylist()), "drawn")
    with open_gallery(folder, create=True) as gallery:
        for some in read_tracked_people(table, embedder, key, marks=marks, batch_size=64, tracklets_at_once=500):
            gallery.add(some)
        print(gallery.identify())
        numbers = range(1, len(gallery) + 1)
        found = {each.key.partition("@")[0]: each.identity for each in gallery.get(list(numbers))}
    fresh = itertools.count(1_000_000)
    return {track: found.get(track) or next(fresh) for track in tracks}


def trajectories(
    boxes: pa.Table, truths: Mapping[str, object], labels: Mapping[str, int]
) -> list[tuple[Trajectories, Trajectories]]:
    """Truth and result of each film; of two boxes of one label in a frame the first counts."""
    both = []
    for video, truth in truths.items():
        rows = boxes.filter(pa.compute.equal(boxes["video"], video))
        frames = rows["frame"].to_numpy()
        identities = np.array([labels[track] for track in rows["track"].to_pylist()], np.int64)
        keep = np.zeros(len(frames), bool)
        keep[np.unique(np.stack([frames, identities], 1), axis=0, return_index=True)[1]] = True
        result = Trajectories(frames[keep], identities[keep], corners_of(rows)[keep])
        both.append((Trajectories(truth.frames, truth.identities, truth.boxes), result))
    return both


def corners_of(rows: pa.Table) -> np.ndarray:
    """Boxes as left, top, right, bottom."""
    x, y, width, height = (rows[name].to_numpy().astype(np.float64) for name in ("x", "y", "width", "height"))
    return np.stack([x, y, x + width, y + height], 1)


def pairs(labels: Mapping[str, int], people: Mapping[str, int]) -> tuple[float, float]:
    """Precision and recall of pairs of tracklets that are one person; those of nobody are left out."""
    known = [track for track, person in people.items() if person >= 0]
    found = np.array([labels[track] for track in known])
    true = np.array([people[track] for track in known])
    above = np.triu_indices(len(known), 1)
    said, right = (found[:, None] == found)[above], (true[:, None] == true)[above]
    return float((said & right).sum() / max(1, said.sum())), float((said & right).sum() / max(1, right.sum()))


if __name__ == "__main__":
    main()
