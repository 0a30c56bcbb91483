"""Evaluations of drawn people with made-up features, as a run leaves them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from passerby.data.split import Split
from passerby.evaluation.evaluate import Evaluation
from passerby.evaluation.protocol import Protocol
from passerby.evaluation.result import EvaluationResult
from passerby.inference.camera_embedding import TrainedCameras
from passerby.inference.computing import Computing
from passerby.metrics import rank
from passerby.workflows.evaluation_report import ReportedEvaluation, report_evaluation

PEOPLE, CAMERAS = 14, 3
MARK = "mark of the drawn people"


def drawn_splits(root: Path, seed: int = 0) -> tuple[Split, Split]:
    """A query and three gallery images of everybody in every camera, plain pictures in their own colour."""
    generator = np.random.default_rng(seed)
    colours = generator.integers(30, 220, (PEOPLE, 3))
    names = tuple(f"person {person}" for person in range(PEOPLE))
    splits = []
    for folder, images in (("query", 1), ("gallery", 3)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        rows = [(person, camera, n) for person in range(PEOPLE) for camera in range(CAMERAS) for n in range(images)]
        paths = [f"{folder}/{person:02d}_c{camera}_{n}.png" for person, camera, n in rows]
        for (person, camera, _), path in zip(rows, paths, strict=True):
            colour = tuple(int(c) for c in (colours[person] + 12 * camera).clip(0, 255))
            Image.new("RGB", (16, 32), colour).save(root / path)
        columns = [np.array(column, dtype=np.int64) for column in list(zip(*rows, strict=True))[:2]]
        splits.append(Split(root, pa.array(paths), columns[0], names, columns[1], ("door", "hall", "yard")))
    return splits[0], splits[1]


def evaluated(query: Split, gallery: Split, noise: float, *, cameras: bool = True, name: str = "drawn") -> Evaluation:
    """An evaluation by features that know everybody up to some noise."""
    generator = np.random.default_rng(7)
    centres = generator.standard_normal((PEOPLE, 16))
    features = [
        np.float32(centres[split.identities] + noise * generator.standard_normal((len(split), 16)))
        for split in (query, gallery)
    ]
    columns = (query.cameras, gallery.cameras) if cameras else ()
    result = rank(*features, query.identities, gallery.identities, *columns, max_rank=20)
    return Evaluation(name, result, query, gallery, *features, 0, TrainedCameras("none"), cameras)


def reported(evaluation: Evaluation, folder: Path, **protocol: Any) -> ReportedEvaluation:
    """Write the evaluation as `passerby eval` does."""
    embedder: Any = SimpleNamespace(file=None, description={}, embed_dim=16, computing=Computing("onnx", "fp32"))
    return report_evaluation(EvaluationResult(evaluation, Protocol(**protocol)), MARK, embedder, folder)
