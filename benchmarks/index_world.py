"""Who is who in drawn films of several cameras, as a gallery finds it out, against the truth.

    passerby synth --videos 30 --cameras 4 --identities 60 --seed 21 -o world
    python benchmarks/index_world.py world --detector yolox-nano --model tiny-clip
    python benchmarks/index_world.py walked --draw 60 --walk 25 --model tiny-clip    # draws it first

With --draw, people come by one camera after the other, each --walk seconds after the one before, give or take a tenth.
Then a gallery is measured, too, that was told the cameras' clocks, by which each film begins as soon after the one
before as lets nobody be in two places at once, and the least time between two cameras, in whole seconds of the truth.

The films are tracked and embedded as `passerby index` does it. Compared are the tracklets alone, CION's closure as
published (levels 1 to 3 on the crops), a gallery's `identify`, and what perfect
judgement of the same tracklets would give: each the person of most of its boxes.
"""

import argparse
import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
from passerby.progress import Progress
from passerby.synth import TrackerNoise
from passerby.synth.output.videos import FRAMES_PER_SECOND, _write_all
from passerby.synth.places.traffic import Video, make_video
from passerby.synth.places.world import World
from passerby.workflows.indexing.tracked_people import model_key, read_tracked_people

_OVERLAP = 0.5
_MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)
_LONGEST_WALK = 19.0
"""Seconds that a walk past a camera lasts at most."""

_STARTS = "starts.json"
"""In the world: seconds after the morning's begin at which each film begins, by its name."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world", type=Path, help="as passerby synth drew it")
    parser.add_argument("--detector", default="yolox-nano")
    parser.add_argument("--model", default="tiny-clip")
    parser.add_argument("--draw", type=float, metavar="SECONDS", help="draw the world first: films of so many seconds")
    parser.add_argument("--walk", type=float, default=25.0, metavar="SECONDS", help="from a camera to the next")
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--looks", action="store_true", help="follow people by their looks, too")
    parser.add_argument("--tracklets", type=Path, help="keeps the tracklets, for another run")
    arguments = parser.parse_args()
    if arguments.draw is not None and not arguments.world.exists():
        draw(arguments)
    starts_file = arguments.world / _STARTS
    starts: dict[str, float] = json.loads(starts_file.read_text()) if starts_file.exists() else {}
    videos = sorted((arguments.world / "videos").glob("*.mp4"))
    with tempfile.TemporaryDirectory() as folder:
        place = arguments.tracklets or Path(folder) / "tracklets"
        looks = {"model": arguments.model} if arguments.looks else {}
        listed = [
            {
                "source": str(video.absolute()),
                "camera": video.stem.partition("-")[0],
                **({"start": _MORNING + timedelta(seconds=starts[video.stem])} if starts else {}),
            }
            for video in videos
        ]
        tracked = passerby.track(listed, place, detector=arguments.detector, report=False, show=True, **looks)
        boxes = pq.read_table(tracked.table)
        truths = {video.stem: read_mot_truth(arguments.world / "gt" / f"{video.stem}.txt") for video in videos}
        people = majority(boxes, truths)
        rows = {"tracklets alone": {track: number for number, track in enumerate(people)}}
        rows["closure as published"] = closure(tracked.table, arguments.model, list(people))
        rows["a gallery's identify"] = identified(
            tracked.table, arguments.model, Path(folder) / "gallery", list(people)
        )
        rows["perfect judgement"] = perfect(people)
        tell(rows, boxes, truths, people)
        if starts:
            with_times(tracked.table, arguments.model, Path(folder), boxes, truths, starts)


def perfect(people: Mapping[str, int]) -> dict[str, int]:
    """Each tracklet as the person of most of its boxes."""
    return {track: person if person >= 0 else 10_000 + number for number, (track, person) in enumerate(people.items())}


def tell(
    rows: Mapping[str, Mapping[str, int]],
    boxes: pa.Table,
    truths: Mapping[str, Trajectories],
    people: Mapping[str, int],
) -> None:
    """Print how good each row is."""
    print(f"{len(people):,} tracklets, {len(set(people.values()) - {-1}):,} people")
    print("| | identities | multi-camera IDF1 | pair F1 | pair precision | pair recall |\n|---|---|---|---|---|---|")
    for name, labels in rows.items():
        idf1 = count_multi_camera_identity(trajectories(boxes, truths, labels)).idf1
        precision, recall = pairs(labels, people)
        f1 = 2 * precision * recall / max(precision + recall, 1e-12)
        shown = " | ".join(f"{100 * figure:.1f}" for figure in (idf1, f1, precision, recall))
        print(f"| {name} | {len(set(labels.values())):,} | {shown} |")


def with_times(
    table: Path,
    model: str,
    folder: Path,
    boxes: pa.Table,
    truths: Mapping[str, Trajectories],
    starts: Mapping[str, float],
) -> None:
    """The same of those who walk by everywhere, without and with what is known of times; tracklets of others go."""
    walking = {video: of_walkers(truth, standing(truths)) for video, truth in truths.items()}
    everybody = majority(boxes, truths)
    people = {track: person for track, person in everybody.items() if person not in standing(truths)}
    seen = boxes.filter(pa.compute.is_in(boxes["track"], pa.array(list(people))))
    closer = closest_starts(walking, starts)
    times = least_travel_times(walking, closer)
    clocks = {video: starts[video] - closer[video] for video in starts}
    print(f"\nfilms begin at {closer}; least seconds between cameras: {times}")
    rows = {
        "tracklets alone": {track: number for number, track in enumerate(people)},
        "a gallery's identify": identified(table, model, folder / "untimed", list(people)),
        "the same, with time constraints": identified(table, model, folder / "timed", list(people), times, clocks),
        "perfect judgement": perfect(people),
    }
    tell(rows, seen, walking, people)


def standing(truths: Mapping[str, Trajectories]) -> set[int]:
    """People who stand before some camera for as long as it films: they are in several places at once."""
    return {
        person
        for truth in truths.values()
        for person in np.unique(truth.identities).tolist()
        if np.ptp(truth.frames[truth.identities == person]) > _LONGEST_WALK * FRAMES_PER_SECOND
    }


def of_walkers(truth: Trajectories, others: set[int]) -> Trajectories:
    """The truth without some people."""
    kept = ~np.isin(truth.identities, list(others))
    return Trajectories(truth.frames[kept], truth.identities[kept], truth.boxes[kept])


def draw(arguments: argparse.Namespace) -> None:
    """Draw films in which people walk from camera to camera."""
    world = World(seed=arguments.seed, steps=1, size=(128, 64))
    people, generator = list(range(1, arguments.people + 1)), np.random.default_rng(arguments.seed)
    moments = dict(zip(people, generator.uniform(0, arguments.draw, len(people)).tolist(), strict=True))
    frames = round(arguments.draw * FRAMES_PER_SECOND)
    starts: dict[str, float] = {}

    def films() -> Iterator[tuple[Video, float]]:
        for camera in range(1, arguments.cameras + 1):
            video = make_video(world, camera, camera, people, arguments.draw)
            late = generator.uniform(-0.1, 0.1, len(people)) * arguments.walk
            actors = [replace(each, middle=moments[each.number] + late[each.number - 1]) for each in video.actors]
            starts[video.name] = (camera - 1) * arguments.walk
            yield replace(video, actors=tuple(actors)), 0.0

    arguments.world.mkdir(parents=True)
    with Progress("filming", frames * arguments.cameras, unit="frames") as progress:
        _write_all(arguments.world, world, films(), frames, 0.5, TrackerNoise(), progress)
    (arguments.world / _STARTS).write_text(json.dumps(starts))


def closest_starts(truths: Mapping[str, Trajectories], starts: Mapping[str, float]) -> dict[str, float]:
    """When films may begin, in whole seconds, so that nobody is in two places at once, one after the other."""
    found: dict[str, float] = {}
    for video in sorted(starts):
        begin = max(found.values(), default=0.0)
        while len(least_travel_times(truths, {**found, video: begin})) < len(found) * (len(found) + 1) // 2:
            begin += 1
        found[video] = begin
    return found


def least_travel_times(truths: Mapping[str, Trajectories], starts: Mapping[str, float]) -> dict[tuple[str, str], int]:
    """Whole seconds that everybody takes at least between two cameras, by what the films show; 0 where they meet."""
    seen: dict[str, dict[int, tuple[float, float]]] = {}
    for video, begin in starts.items():
        truth = truths[video]
        times = begin + truth.frames / FRAMES_PER_SECOND
        seen[video.partition("-")[0]] = {
            person: (float(times[truth.identities == person].min()), float(times[truth.identities == person].max()))
            for person in np.unique(truth.identities).tolist()
        }
    found = {}
    for one, other in itertools.combinations(seen, 2):
        gaps = [
            max(seen[one][person][0], seen[other][person][0]) - min(seen[one][person][1], seen[other][person][1])
            for person in seen[one].keys() & seen[other].keys()
        ]
        if gaps and min(gaps) >= 0:
            found[one, other] = int(min(gaps))
    return found


def majority(boxes: pa.Table, truths: Mapping[str, Trajectories]) -> dict[str, int]:
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


def identified(
    table: Path,
    model: str,
    folder: Path,
    tracks: Sequence[str],
    times: Mapping[tuple[str, str], float] | None = None,
    clocks: Mapping[str, float] | None = None,
) -> dict[str, int]:
    """Identities of a gallery that was filled as `passerby index` does it, and told clocks and least times."""
    embedder = passerby.load(model)
    key = model_key(embedder, model)
    wanted = set(tracks)
    marks = dict.fromkeys(set(pq.read_table(table, columns=["video"])["video"].to_pylist()), "drawn")
    with open_gallery(folder, create=True) as gallery:
        for some in read_tracked_people(table, embedder, key, marks=marks, batch_size=64, tracklets_at_once=500):
            gallery.add(each for each in some if each.key.partition("@")[0] in wanted)
        for video, ahead in (clocks or {}).items():
            gallery.set_clock(video.partition("-")[0], ahead)
        for (one, other), seconds in (times or {}).items():
            gallery.set_travel_time(one, other, seconds)
        print(gallery.identify())
        numbers = range(1, len(gallery) + 1)
        found = {each.key.partition("@")[0]: each.identity for each in gallery.get(list(numbers))}
    fresh = itertools.count(1_000_000)
    return {track: found.get(track) or next(fresh) for track in tracks}


def trajectories(
    boxes: pa.Table, truths: Mapping[str, Trajectories], labels: Mapping[str, int]
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
