"""How real the synthetic world looks to networks that have learned from real people, and how fast it is drawn.

    python benchmarks/world_realism.py detector MODEL.onnx [--look plain street]
    python benchmarks/world_realism.py probe MODEL.onnx --real DIR [--look plain street] [--images 600]
    python benchmarks/world_realism.py speed [--look plain street]
    python benchmarks/world_realism.py sheet FILE.png --real DIR [--look street]

`detector` lets a detector (YOLOX-nano; a card beside the file or the zoo must describe it) find people in frames of
eight cameras (seed 3, 960 pixels wide, a frame a second), and tells recall and precision at score 0.3 and IoU 0.5.
`probe` takes features of a re-identification network of drawn and of real crops, one crop of each person, and tells how
often a linear classifier tells the two apart, cross-validated over people, with a 95 % interval from resampled people;
50 % would be perfect. As it is soon near 100 %, the distance of the two clouds of features stands beside it (Fréchet,
of 64 principal axes), and that of two halves of the real ones. Only images of training identities are read
(`bounding_box_train`). `speed` counts this process's CPU time. `sheet` puts drawn crops above real ones, to be looked
at; not to be passed on.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import passerby
from detection import matched
from passerby.synth.look import LOOKS, Look
from passerby.synth.output.frames import frame_at
from passerby.synth.places.crops import encode
from passerby.synth.places.traffic import make_video, share_out
from passerby.synth.places.world import World
from passerby.video.detection import open_detector

Images = list[NDArray[np.uint8]]
Features = NDArray[np.float64]

SEED, PROBE_SEED = 3, 11
CAMERAS, SECONDS, PEOPLE, ZOOM = 8, 25, 15, 0.75
"""Of the films of `detector`: frames of 960×540 pixels, one a second; people pass each camera within the time."""

PER_CITY = 6
"""People of the probe's worlds who share cameras."""

AXES, FOLDS, RESAMPLED = 64, 5, 2000


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=("detector", "probe", "speed", "sheet"))
    parser.add_argument("file", nargs="?", help="of the model, or of the sheet to write")
    parser.add_argument("--real", type=Path, help="folder in Market-1501 layout")
    parser.add_argument("--look", nargs="+", choices=LOOKS, default=list(LOOKS))
    parser.add_argument("--images", type=int, default=600, help="of each kind in `probe` (default: 600)")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    looks = cast("list[Look]", arguments.look)
    if arguments.what == "detector":
        detector(arguments.file, looks)
    elif arguments.what == "probe":
        probe(arguments.file, arguments.real, arguments.images, looks)
    elif arguments.what == "speed":
        speed(looks)
    else:
        sheet(Path(arguments.file), arguments.real, looks)
    return 0


def detector(model: str, looks: list[Look]) -> None:
    """Recall and precision in drawn frames, by how much of a person is seen and how tall they are."""
    names = ("all", "half or more visible", "and 90 pixels or taller")
    print(f"| look | people | recall: {' | '.join(names)} | precision |\n|---|---|---|---|---|---|")
    for look in looks:
        found = open_detector(model, threads=1)
        world = World(seed=SEED, steps=1, size=(128, 64), look=look)
        hits, visible, tall, boxes = [], [], [], 0
        for camera, cast_ in enumerate(share_out(SEED, PEOPLE * CAMERAS, CAMERAS, 1), start=1):
            video = make_video(world, camera, camera, cast_, float(SECONDS))
            for second in range(SECONDS):
                image, seen = frame_at(world, video, 25 * second, ZOOM)
                [detections] = found.detect([image])
                sure = detections.boxes[detections.scores >= 0.3]
                truth = np.array([(b.x, b.y, b.x + b.width, b.y + b.height) for b in (s.box for s in seen)])
                hits.append(matched(truth.reshape(-1, 4), sure, *image.shape[:2]))
                visible += [s.visible for s in seen]
                tall += [s.box.height for s in seen]
                boxes += len(sure)
        hit, shown, height = np.concatenate(hits), np.array(visible) >= 0.5, np.array(tall) >= 90
        recalls = [f"{hit[rows].mean():.2f}" for rows in (shown | True, shown, shown & height)]
        print(f"| {look} | {len(hit):,} | {' | '.join(recalls)} | {hit.sum() / boxes:.2f} |", flush=True)


def probe(model: str, real: Path, count: int, looks: list[Look]) -> None:
    """How well drawn and real people are told apart by the features of a network."""
    embedder = passerby.load(model)
    photographed = np.asarray(embedder.embed(list(real_crops(real, count))), dtype=np.float64)
    half = len(photographed) // 2
    floor = frechet(photographed[:half], photographed[half:], photographed)
    print(f"{len(photographed)} real people; distance of their halves {floor:.3f}")
    print("| look | drawn | told apart | 95 % | distance |\n|---|---|---|---|---|")
    for look in looks:
        drawn = np.asarray(embedder.embed(drawn_crops(look, count)), dtype=np.float64)
        right = told_apart(drawn, photographed)
        generator = np.random.default_rng(0)
        again = [right[generator.integers(len(right), size=len(right))].mean() for _ in range(RESAMPLED)]
        low, high = np.quantile(again, (0.025, 0.975))
        distance = frechet(drawn, photographed, photographed)
        cells = f"{100 * right.mean():.1f} % | {100 * low:.1f} to {100 * high:.1f} | {distance:.3f}"
        print(f"| {look} | {len(drawn)} | {cells} |", flush=True)


def told_apart(first: Features, second: Features) -> NDArray[np.bool_]:
    """Whether a linear classifier that has not seen a person places them right; every person has one row."""
    features = np.concatenate([first, second])
    labels = np.repeat([0, 1], [len(first), len(second)])
    fold = np.random.default_rng(0).permutation(len(labels)) % FOLDS
    right = np.zeros(len(labels), bool)
    for number in range(FOLDS):
        held = fold == number
        classifier: Any = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
        classifier.fit(features[~held], labels[~held])
        right[held] = classifier.predict(features[held]) == labels[held]
    return right


def frechet(first: Features, second: Features, reference: Features) -> float:
    """Fréchet distance of two clouds taken for normal, along the principal axes of a third."""
    _, _, axes = np.linalg.svd(reference - reference.mean(axis=0), full_matrices=False)
    a, b = first @ axes[:AXES].T, second @ axes[:AXES].T
    of_a, of_b = np.cov(a.T), np.cov(b.T)
    return float(
        ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() + np.trace(of_a + of_b - 2 * np.real(sqrtm(of_a @ of_b)))
    )


def real_crops(folder: Path, count: int) -> Images:
    """One image each of so many training identities, or several where there are fewer."""
    files = sorted((folder / "bounding_box_train").glob("*.jpg"))
    files = [file for file in files if not file.name.startswith(("-1", "0000"))]
    order = np.random.default_rng(0).permutation(len(files))
    seen: set[str] = set()
    chosen = []
    for number in order:
        if files[number].name[:4] not in seen:
            seen.add(files[number].name[:4])
            chosen.append(files[number])
    return [read(file) for file in chosen[:count]]


def drawn_crops(look: Look, count: int) -> Images:
    """One crop each of so many people, as their JPEGs show them; every few people live in another city."""
    return [drawn_crop(look, number) for number in range(count)]


_worlds: dict[tuple[str, int], World] = {}


def drawn_crop(look: Look, number: int) -> NDArray[np.uint8]:
    city, camera = divmod(number, PER_CITY)
    if (look, city) not in _worlds:
        _worlds.clear()
        _worlds[look, city] = World(seed=PROBE_SEED + city, steps=4, size=(128, 64), look=look)
    world = _worlds[look, city]
    crop, _ = world.crop(3 * camera + 1, camera + 1, number % 4)
    return decoded(encode(crop.image, world.place(camera + 1).camera.sensor.quality))


def read(file: Path) -> NDArray[np.uint8]:
    return decoded(file.read_bytes())


def decoded(encoded: bytes) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.asarray(image, dtype=np.uint8)[:, :, ::-1])


def speed(looks: list[Look]) -> None:
    """Crops a second of one core's time, JPEG included; of new cities, and once their cameras are there."""
    print("| look | crops of 128×64 per core second | with new places |\n|---|---|---|")
    for look in looks:
        world = World(seed=0, steps=4, size=(128, 64), look=look)
        before = time.process_time()
        for camera in range(1, 7):
            world.place(camera)
        begun, count = time.process_time(), 0
        for person in range(1, 25):
            for camera in range(1, 7):
                for step in range(4):
                    crop, _ = world.crop(person, camera, step)
                    encode(crop.image, world.place(camera).camera.sensor.quality)
                    count += 1
        taken = time.process_time() - begun
        print(f"| {look} | {count / taken:.0f} | {count / (taken + begun - before):.0f} |", flush=True)


def sheet(file: Path, real: Path, looks: list[Look]) -> None:
    """Rows of drawn crops of each look, and of real ones."""
    rows = [np.hstack(drawn_crops(look, 48)[first : first + 16]) for look in looks for first in (0, 16, 32)]
    crops = real_crops(real, 48)
    rows += [np.hstack(crops[first : first + 16]) for first in (0, 16, 32)]
    cv2.imwrite(str(file), np.vstack(rows)[:, :, ::-1])


if __name__ == "__main__":
    sys.exit(main())
