"""How well models that have learned from drawn people find real ones, and packing of the one that is chosen.

    python benchmarks/tiny_reid.py measure MODEL… --root .data/market1501-dev [--identities 300]
    python benchmarks/tiny_reid.py pack RUN --out src/passerby/weights/tiny-reid.safetensors

`measure` takes some of the benchmark's *training* identities as if they were for testing: of each in each camera one
image is a query, and up to three others are the gallery; which ones follows from seed 0. So query and gallery proper
are left for the one candidate that was chosen (`passerby eval`). `pack` writes a run's backbone in half precision.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from torch import nn

import passerby
from passerby.data.benchmarks import load_benchmark
from passerby.data.split import Split
from passerby.metrics import rank
from passerby.models.checkpoint import save_model

MOST_IN_GALLERY = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("models", nargs="+", help="names, runs or files")
    measuring.add_argument("--data", default="market1501-dev", help="a benchmark (default: market1501-dev)")
    measuring.add_argument("--root", type=Path, required=True)
    measuring.add_argument("--identities", type=int, default=300)
    packing = commands.add_parser("pack")
    packing.add_argument("run", help="a finished run of tiny-reid")
    packing.add_argument("--out", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    if arguments.command == "pack":
        pack(arguments.run, arguments.out)
    else:
        measure(arguments.models, load_benchmark(arguments.data, arguments.root).train, arguments.identities)
    return 0


def pack(run: str, out: Path) -> None:
    """Write a run's backbone in half precision, with what it says of itself."""
    model = passerby.load(run, device="cpu")
    out.parent.mkdir(parents=True, exist_ok=True)
    save_model(out, nn.ModuleDict({"backbone": model.model}).half(), model.description)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


def measure(models: list[str], train: Split, identities: int) -> None:
    """The figures of each model on some of these identities."""
    query, gallery = parts(train, identities)
    labels = [train.identities[rows] for rows in (query, gallery)]
    cameras = [train.cameras[rows] for rows in (query, gallery)]
    print("| model | queries | gallery | mAP | rank-1 | rank-5 | rank-10 |\n|---|---|---|---|---|---|---|")
    for name in models:
        model = passerby.load(name)
        features = [model.embed([train.path(row) for row in rows.tolist()]) for rows in (query, gallery)]
        result = rank(*features, *labels, *cameras, max_rank=10)
        rates = (result.mAP, *(result.cmc[place] for place in (0, 4, 9)))
        cells = [f"{len(query):,}", f"{len(gallery):,}"] + [f"{100 * rate:.1f}" for rate in rates]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def parts(train: Split, identities: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the queries and of the gallery."""
    generator = np.random.default_rng(0)
    chosen = generator.permutation(np.unique(train.identities))[:identities]
    seen: Counter[tuple[int, int]] = Counter()
    query, gallery = [], []
    for row in generator.permutation(np.flatnonzero(np.isin(train.identities, chosen))).tolist():
        place = (int(train.identities[row]), int(train.cameras[row]))
        seen[place] += 1
        if seen[place] == 1:
            query.append(row)
        elif seen[place] <= 1 + MOST_IN_GALLERY:
            gallery.append(row)
    return np.array(query), np.array(gallery)


if __name__ == "__main__":
    sys.exit(main())
