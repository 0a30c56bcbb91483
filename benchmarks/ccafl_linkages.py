"""How right the links of camera identities are, by how they are chosen: nearest, mutual and average linkage.

    python benchmarks/ccafl_linkages.py --drawn
    python benchmarks/ccafl_linkages.py --model tiny-clip --data market1501-dev --root .data/market1501-dev

`--drawn` links random features: 80 people in six cameras, each of which shifts what it sees, noise as given. Otherwise
a model embeds the training images of a data set, whose labels are taken to hold in one camera only; features are kept
in --features and not computed again. Printed are precision, recall and F1 of pairs of camera identities, for a number
of nearest pairs (as published, and with one class per camera), and for shares of certain strangers.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import passerby
from passerby.data.benchmarks import load_benchmark
from passerby.data.camera_labels import camera_labels, camera_local, true_identities_of_classes
from passerby.methods.ccafl.association.associate import Association, associate
from passerby.methods.ccafl.association.linkages import centred_by_camera
from passerby.methods.ccafl.association.statistics import association_statistics

RATES, SHARES = (1.0, 1.5, 2.0), (0.1, 0.2, 0.3, 0.5)
NOISES, SEEDS = (0.5, 0.7, 1.0), (0, 1, 2)
Problem = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]
"""Features of camera identities, their cameras, and who they are."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawn", action="store_true")
    parser.add_argument("--centre", action="store_true", help="compare features relative to the mean of their camera")
    parser.add_argument("--model", default="tiny-clip")
    parser.add_argument("--data", default="market1501-dev")
    parser.add_argument("--root", type=Path)
    parser.add_argument("--features", type=Path, help="a .npy file to keep the features in")
    arguments = parser.parse_args()
    if arguments.drawn:
        problems = {f"noise {noise}": [drawn(noise, seed) for seed in SEEDS] for noise in NOISES}
    else:
        problems = {arguments.data: [embedded(arguments.model, arguments.data, arguments.root, arguments.features)]}
    print("| links | " + " | ".join(f"{name}: precision / recall / F1" for name in problems) + " |")
    print("|" + "---|" * (1 + len(problems)))
    rows: dict[str, list[str]] = {}
    for several in problems.values():
        found: dict[str, list[tuple[float, float]]] = {}
        for embedded_features, cameras, people in several:
            features = centred_by_camera(embedded_features, cameras) if arguments.centre else embedded_features
            for name, association in ways(features, cameras):
                statistics = association_statistics(association, people)
                pair = (statistics.pair_precision or 0.0, statistics.pair_recall or 0.0)
                found.setdefault(name, []).append(pair)
        for name, pairs in found.items():
            rows.setdefault(name, []).append(shown(pairs))
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")


def ways(features: NDArray[np.float32], cameras: NDArray[np.int64]) -> Iterator[tuple[str, Association]]:
    """Every way to link, by name."""
    for rate in RATES:
        for guard in (False, True):
            name = f"nearest, {rate:g} per class" + (", one class per camera" if guard else " (published)")
            yield name, associate(features, cameras, rate, one_class_per_camera=guard)
    for share in SHARES:
        found = associate(features, cameras, 0.0, linkage="mutual", stranger_share=share, one_class_per_camera=True)
        yield f"mutual, {share:g}, one class per camera", found
    for share in SHARES:
        yield f"average, {share:g}", associate(features, cameras, 0.0, linkage="average", stranger_share=share)


def shown(pairs: list[tuple[float, float]]) -> str:
    """Means over problems, in per cent."""
    scores = [2 * precision * recall / max(precision + recall, 1e-12) for precision, recall in pairs]
    precision, recall = np.mean(pairs, axis=0).tolist()
    return f"{100 * precision:.1f} / {100 * recall:.1f} / {100 * float(np.mean(scores)):.1f}"


def drawn(noise: float, seed: int) -> Problem:
    """Each of 80 people is seen by each of six cameras with a chance of 0.6."""
    generator = np.random.default_rng(seed)
    faces, shifts = generator.normal(size=(80, 32)), 0.8 * generator.normal(size=(6, 32))
    who, where = np.nonzero(generator.random((80, 6)) < 0.6)
    features = faces[who] + shifts[where] + noise * generator.normal(size=(len(who), 32))
    return features.astype(np.float32), where.astype(np.int64), who.astype(np.int64)


def embedded(model: str, data: str, root: Path | None, kept: Path | None) -> Problem:
    """Mean features of the camera identities of a data set's training images."""
    split = load_benchmark(data, root).training_split()
    if kept is not None and kept.is_file():
        features = np.load(kept)
    else:
        features = passerby.load(model).embed([split.path(row) for row in range(len(split))])
        if kept is not None:
            np.save(kept, features)
    local = camera_local(split)
    labels, people = camera_labels(local), true_identities_of_classes(local)
    assert people is not None
    sums = np.zeros((labels.classes, features.shape[1]), np.float32)
    np.add.at(sums, labels.accumulated, features)
    return sums, labels.class_cameras, people


if __name__ == "__main__":
    main()
