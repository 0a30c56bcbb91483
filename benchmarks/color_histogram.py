"""How far colour histograms alone get: the floor under every learned figure in docs/results/index.md.

    python benchmarks/color_histogram.py --root DIR [--data market1501-dev] [--stripes 6]

An image is cut into horizontal stripes; each stripe gives a joint histogram of hue, saturation and value. Images are
compared by Hellinger distance: the square root of the histograms is taken, and the cosine of two such vectors is the
Bhattacharyya coefficient, one minus the squared distance.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from passerby.data.benchmarks import load_benchmark
from passerby.data.split import Split
from passerby.errors import DataError, PasserbyError
from passerby.metrics import rank

Features = NDArray[np.float32]

BINS = (12, 4, 4)
"""Bins of hue, saturation and value."""

SIZE = (64, 128)
"""Width and height images are brought to, so that every image has the same number of pixels."""


def histograms(split: Split, stripes: int) -> Features:
    """Histograms of every image of a split, [N, stripes * bins], each stripe summing to 1."""
    features = np.empty((len(split), stripes, int(np.prod(BINS))), dtype=np.float32)
    for row in range(len(split)):
        encoded = np.frombuffer(split.path(row).read_bytes(), dtype=np.uint8)
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        if image is None:
            raise DataError(f"{split.path(row)} is not a readable image")
        hsv = cv2.cvtColor(cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2HSV)
        for number, stripe in enumerate(np.array_split(hsv, stripes, axis=0)):
            histogram = cv2.calcHist([stripe], [0, 1, 2], None, list(BINS), [0, 180, 0, 256, 0, 256])
            features[row, number] = histogram.ravel() / histogram.sum()
    return features.reshape(len(split), -1)


def main() -> int:
    """Evaluate the histograms on one data set and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--root", type=Path, required=True, help="folder that holds the data set")
    parser.add_argument("--data", default="market1501-dev", help="name of the data set (default: market1501-dev)")
    parser.add_argument("--stripes", type=int, default=6, help="horizontal stripes per image (default: 6)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if arguments.stripes < 1:
        parser.error("--stripes must be at least 1")
    try:
        figures = evaluated(arguments.data, arguments.root, arguments.stripes)
    except PasserbyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return 0
    print(f"{figures['data']}: {figures['queries']} queries, {figures['gallery']} gallery images")
    print("| colour histograms | mAP | rank-1 | rank-5 | rank-10 | mINP | seconds |\n|---|---|---|---|---|---|---|")
    rates = " | ".join(f"{100 * float(figures[name]):.1f}" for name in ("mAP", "rank1", "rank5", "rank10", "mINP"))
    print(f"| HSV {'×'.join(map(str, BINS))}, {figures['stripes']} stripes | {rates} | {figures['seconds']:.1f} |")
    return 0


def evaluated(data: str, root: Path, stripes: int) -> dict[str, Any]:
    """The figures of one run."""
    benchmark = load_benchmark(data, root)
    start = time.perf_counter()
    query, gallery = benchmark.query_and_gallery()
    same_camera_rule = benchmark.same_camera_rule
    result = rank(
        np.sqrt(histograms(query, stripes)),
        np.sqrt(histograms(gallery, stripes)),
        query.identities,
        gallery.identities,
        query.cameras if same_camera_rule else None,
        gallery.cameras if same_camera_rule else None,
        max_rank=10,
    )
    figures = {name: value for name, value in result.to_dict().items() if name != "cmc"}
    seconds = time.perf_counter() - start
    return {"data": benchmark.name, "stripes": stripes, **figures, "gallery": len(gallery), "seconds": seconds}


if __name__ == "__main__":
    sys.exit(main())
