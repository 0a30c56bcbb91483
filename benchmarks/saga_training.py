"""What stage 3 of SAGA costs with cached patch tokens, and with tokens computed anew in every step.

    python benchmarks/saga_training.py
    python benchmarks/saga_training.py --recipe saga-vit --size 256 128 model.weights=random

Draws a few synthetic people once, then trains stage 3 of a recipe on them, each way in a process of its own. Either
process trains three times: one epoch, which also computes the cache; one epoch again, with the cache at hand; and some
epochs more. The differences are the cost of the cache and of a step, without that of starting up. CPU seconds are of
all threads. The peak memory is the largest resident set of the process, pages of the mapped cache included, above what
it held after its imports.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

import passerby  # noqa: F401 - guards against a torchvision that cannot load
from passerby.config import read_recipe
from passerby.methods.saga.recipe import SagaRecipe
from passerby.runs.request import checked_recipe
from passerby.synth import write_market
from passerby.training.runner import train

WAYS = {"disk": "cached tokens", "none": "tokens anew in every step"}
BATCHES = 4
"""Steps of an epoch: so many batches of the recipe's size fit the people drawn."""


@dataclass(frozen=True)
class Cost:
    """Of one way: seconds to compute the cache, of a step, peak bytes of memory, and bytes of the cache on disk."""

    views: int
    cache_wall: float
    cache_cpu: float
    step_wall: float
    step_cpu: float
    memory: int
    disk: int


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("overrides", nargs="*", help="of the recipe, section.key=value")
    parser.add_argument("--recipe", default="saga-tiny")
    parser.add_argument("--size", type=int, nargs=2, default=(128, 64), help="of the crops drawn, height and width")
    parser.add_argument("--epochs", type=int, default=5, help="of four steps each, that steps are timed on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        torch.set_num_threads(arguments.threads)
        overrides = [f"tokens.cache={arguments.way}", "stage3.poolings=[]", *arguments.overrides]
        print(json.dumps(asdict(measure(arguments.recipe, overrides, arguments.folder, arguments.epochs))))
        return
    with tempfile.TemporaryDirectory() as folder:
        # Half of the people train, each with 2 x 8 images: 4 batches of 16 people with 4 images each.
        write_market(
            Path(folder) / "world", identities=32, cameras=2, images_per_camera=8, size=tuple(arguments.size), seed=0
        )
        found = {way: _in_process(way, arguments, folder) for way in WAYS}
    print(table(found))


def measure(name: str, overrides: list[str], folder: Path, epochs: int) -> Cost:
    """Train stage 3 three times and tell its costs apart; to be called in a fresh process."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tokens = folder / "tokens"

    def seconds(run: str, length: int) -> tuple[float, float]:
        """Wall and CPU seconds of a training of so many epochs."""
        data = ["data.name=market-layout", f"data.root={folder / 'world'}", f"data.cache_folder={folder / 'pixels'}"]
        stages = ["stage1.epochs=0", "stage2.epochs=0", f"stage3a.epochs={length}", "stage3b.epochs=0"]
        recipe = checked_recipe(read_recipe(name, [*data, *stages, f"tokens.folder={tokens}", *overrides]))
        assert isinstance(recipe, SagaRecipe)
        begun = time.perf_counter(), time.process_time()
        train(recipe, folder / f"{recipe.tokens.cache}-{run}")
        return time.perf_counter() - begun[0], time.process_time() - begun[1]

    # What comes first also reads the images and warms up, which is no cost of the cache.
    seconds("warm-up", 1)
    for file in tokens.rglob("*.npy"):
        file.unlink()
    first, again, longer = seconds("first", 1), seconds("again", 1), seconds("longer", 1 + epochs)
    recipe = checked_recipe(read_recipe(name, overrides))
    assert isinstance(recipe, SagaRecipe)
    steps = epochs * BATCHES
    return Cost(
        views=256 * recipe.tokens.views,
        cache_wall=first[0] - again[0],
        cache_cpu=first[1] - again[1],
        step_wall=(longer[0] - again[0]) / steps,
        step_cpu=(longer[1] - again[1]) / steps,
        memory=1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before),
        disk=sum(file.stat().st_size for file in tokens.rglob("*.npy")),
    )


def table(found: dict[str, Cost]) -> str:
    """In Markdown."""
    lines = [
        "| tokens | step, wall s | CPU s | peak memory, MiB | a view in the cache, CPU ms | KiB on disk |",
        "|---|---|---|---|---|---|",
    ]
    for way, cost in found.items():
        view = "| |"
        if cost.disk:
            view = f"{1000 * cost.cache_cpu / cost.views:.1f} | {cost.disk / cost.views / 1024:.0f} |"
        step = f"{cost.step_wall:.2f} | {cost.step_cpu:.2f} | {cost.memory / 2**20:.0f}"
        lines.append(f"| {WAYS[way]} | {step} | {view}")
    return "\n".join(lines)


def _in_process(way: str, arguments: argparse.Namespace, folder: str) -> Cost:
    """In a process of its own, whose memory is its own."""
    command = [sys.executable, __file__, *arguments.overrides, "--recipe", arguments.recipe, "--way", way]
    command += ["--folder", folder, "--epochs", str(arguments.epochs), "--threads", str(arguments.threads)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
