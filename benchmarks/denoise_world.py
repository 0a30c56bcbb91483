"""The quality of identities in the synthetic world, from pictures to tables, with a network that never saw its people.

    python benchmarks/denoise_world.py FOLDER [--steps 400]

Draws two worlds of tracklets without errors of identity (seeds 101 and 103: 160 people, 12 cameras) and trains the
small residual network of `synth.py` on them; draws a third (seed 11: 80 people, 24 videos of 6 other cameras) whose
boxes are loose, whose tracks break and a tenth of whose boxes show nobody; embeds it, and prints the tables of
`denoise_quality.py`. What is in FOLDER is not made again. Takes about 15 minutes of one core.
"""

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from denoise_quality import TABLES, report
from denoise_samples import Noise, read_samples
from passerby.synth.output.tracker import TrackerNoise
from passerby.synth.output.tracklets import TABLE, write_tracklets
from passerby.tracklets import true_identities
from synth import Network, embedded, trained

TRAIN_SEEDS, TEST_SEED = (101, 103), 11

FAITHFUL = TrackerNoise(cut=0, switch=0, foreign=0, background=0, ghosts=0)
"""Loose boxes and people overlooked, but every track is of one person."""

UNFAITHFUL = TrackerNoise(foreign=0, switch=0, background=0.1)
"""Tracks break and show nobody; switches are dealt afterwards."""


def draw(folder: Path, seed: int, noise: TrackerNoise) -> Path:
    """A world of tracklets, drawn unless it is there; returns its table."""
    table = folder / TABLE
    if not table.is_file():
        begun = time.process_time()
        write_tracklets(folder, identities=80, videos=24, cameras=6, appearances=4, rate=2.0, noise=noise, seed=seed)
        print(f"drew {folder.name} in {time.process_time() - begun:.0f} s CPU", file=sys.stderr)
    return table


def pictures(table: Path) -> torch.Tensor:
    """Crops of a table, uint8 [N, 3, 128, 64], RGB."""
    paths = pq.read_table(table, columns=["path"])["path"].to_pylist()
    images = [cv2.imread(str(table.parent / path))[:, :, ::-1] for path in paths]
    return torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).copy())


def people(table: Path) -> NDArray[np.int64]:
    """Who is on each crop, -1 for nobody."""
    found = true_identities(table)
    assert found is not None, "synthetic tracklets tell the truth"
    return found


def train(tables: list[Path], steps: int) -> Network:
    """The network of `synth.py` on the crops of people who have at least four."""
    images = torch.cat([pictures(table) for table in tables])
    identities = np.concatenate([people(table) + 1_000_000 * number for number, table in enumerate(tables)])
    named, counts = np.unique(identities, return_counts=True)
    kept = np.isin(identities, named[counts >= 4])
    return trained(images[torch.from_numpy(kept)], identities[kept], steps)


def extractor(folder: Path, steps: int) -> Network:
    """The trained network, trained unless its weights are there."""
    file, network = folder / f"network-{steps}.pt", Network()
    if file.is_file():
        network.load_state_dict(torch.load(file, weights_only=True))
        return network
    tables = [draw(folder / f"train-{seed}", seed, FAITHFUL) for seed in TRAIN_SEEDS]
    network = train(tables, steps)
    torch.save(network.state_dict(), file)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=400, help="of training (default: 400)")
    parser.add_argument("--only", choices=TABLES)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    table = draw(arguments.folder / "test", TEST_SEED, UNFAITHFUL)
    features = arguments.folder / f"features-{arguments.steps}.npy"
    if not features.is_file():
        np.save(features, embedded(extractor(arguments.folder, arguments.steps), pictures(table)))
    noise = Noise(switched=0.1, background=0.03)
    tables = (arguments.only,) if arguments.only else TABLES
    report(read_samples(table, features), noise, tables, center=True)


if __name__ == "__main__":
    main()
