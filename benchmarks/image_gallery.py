"""A benchmark's images as a gallery in which each is a tracklet of its own, for benchmarks of galleries."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from passerby.data import Split
from passerby.gallery import Crop, Feature, ModelKey, NewTracklet


def parsed(description: str | None) -> argparse.Namespace:
    """The model, and which benchmark lies where."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", default="market1501-dev")
    parser.add_argument("--root", type=Path, required=True)
    return parser.parse_args()


def tracklets_of(
    name: str, split: Split, features: np.ndarray, key: ModelKey, *, pictures: bool = False
) -> Iterator[NewTracklet]:
    """Each image as a tracklet in a video of its own, in the order of the split, with its picture if wanted."""
    for row, feature in enumerate(features):
        yield NewTracklet(
            key=f"{name}/{row:06d}",
            camera="any",
            video=f"{name} {row}",
            begins=0.0,
            ends=0.0,
            frames=1,
            height=128.0,
            crops=[Crop(0, split.path(row).read_bytes())] if pictures else [],
            features={key: Feature(feature)},
        )
