"""The occlusion experiment: queries occluded step by step, every feature of a model from the same forward passes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from passerby.data.loading.loaders import EvalLoader, PixelSource, open_source
from passerby.data.occlusion.manifest import manifest_rows
from passerby.data.occlusion.source import Donors, OccludedSource, OcclusionRun, choose_donors
from passerby.data.split import JUNK, Benchmark, Split
from passerby.errors import DataError
from passerby.evaluation.evaluate import check_comparable
from passerby.evaluation.occlusion_plan import OcclusionOutcome, OcclusionPlan, Trial
from passerby.inference.camera_embedding import TrainedCameras, find_trained_cameras
from passerby.inference.embedder import Embedder
from passerby.inference.torch_embedder import TorchEmbedder, in_torch
from passerby.metrics import rank
from passerby.progress import Progress

Features = dict[str, NDArray[np.float32]]


def occlusion_experiment(
    model: Embedder,
    benchmark: Benchmark,
    plan: OcclusionPlan,
    *,
    batch_size: int = 64,
    skip_unreadable: bool = False,
    quiet: bool = False,
) -> OcclusionOutcome:
    """Rank a benchmark's queries against its clean gallery, clean and occluded.

    Args:
        model: computes the features.
        benchmark: needs a training part for the condition `people`.
        plan: what is tried.
        batch_size: images computed at once.
        skip_unreadable: leave out queries and gallery images that cannot be decoded instead of stopping.
        quiet: show no progress.

    Raises:
        DataError: an image or mask cannot be read, or no person is left to stand in front.
        EvaluationError: nothing can be ranked.
        CheckpointError: the model is a file of which one feature alone can be seen.
    """
    network = in_torch(model, "the occlusion experiment")
    check_comparable(benchmark)
    donors = _donors(benchmark, plan) if "people" in plan.conditions else None
    reader = _Reader(network, find_trained_cameras(network.description, benchmark), batch_size)
    (query, source), (gallery, gallery_source) = (
        open_source(part, network.transform, skip_unreadable=skip_unreadable, show_progress=not quiet)
        for part in benchmark.query_and_gallery()
    )
    ranked = partial(_ranked, query, gallery, with_cameras=benchmark.same_camera_rule)
    total = len(gallery) + len(query) * (1 + len(plan.conditions) * plan.runs * len(plan.levels))
    manifests = []
    with Progress(f"occluding {benchmark.name}", total, quiet=quiet) as progress:
        in_gallery = reader.features(gallery, gallery_source, progress)
        clean = reader.features(query, source, progress)
        trials = list(ranked(clean, in_gallery, condition=None, level=0.0, run=0, covered=0.0))
        for run, level, chosen in _repetitions(benchmark, plan, query, gallery, donors):
            occluded = OccludedSource(source, query, run, level, chosen)
            features = reader.features(query, occluded, progress)
            covered = float(occluded.covered.mean())
            trials += ranked(features, in_gallery, condition=run.condition, level=level, run=run.run, covered=covered)
            manifests.append(manifest_rows(query, run, level, occluded, chosen))
    return OcclusionOutcome(benchmark.name, query, trials, manifests)


def _repetitions(
    benchmark: Benchmark, plan: OcclusionPlan, query: Split, gallery: Split, donors: Donors | None
) -> Iterator[tuple[OcclusionRun, float, tuple[Donors, NDArray[np.int64]] | None]]:
    """Each condition, run and level, with the donor of each query where people occlude."""
    for condition in plan.conditions:
        for number in range(plan.runs):
            run = OcclusionRun(benchmark.name, condition, number, plan.fill)
            chosen = None
            if condition == "people" and donors is not None:
                chosen = donors, choose_donors(query, donors, run, occurring_names(gallery))
            for level in plan.levels:
                yield run, level, chosen


@dataclass(frozen=True)
class _Reader:
    """Computes every feature of the images of a split."""

    model: TorchEmbedder
    cameras: TrainedCameras
    batch_size: int

    def features(self, split: Split, source: PixelSource, progress: Progress) -> Features:
        """Features of all images by name, float32 [N, D] each."""
        loader = EvalLoader(split, source, self.model.transform, self.batch_size, device=self.model.device)
        parts: dict[str, list[NDArray[np.float32]]] = {}
        for batch in loader:
            slots = self.cameras.of(batch.cameras.cpu().numpy())
            with torch.inference_mode():
                on_device = None if slots is None else torch.from_numpy(slots).to(self.model.device)
                found = self.model.feature_variants(batch.images, on_device)
            for name, values in found.items():
                parts.setdefault(name, []).append(values.cpu().numpy())
            progress.advance(len(batch.indices))
        return {name: np.concatenate(values) for name, values in parts.items()}


def occurring_names(split: Split) -> frozenset[str]:
    """Names of the identities that occur, without junk."""
    return frozenset(split.identity_names[label] for label in np.unique(split.identities) if label != JUNK)


def _donors(benchmark: Benchmark, plan: OcclusionPlan) -> Donors:
    if benchmark.train is None or not benchmark.train.identity_names:
        raise DataError(
            f"{benchmark.name} has no training images, whose people could stand in front of others: leave out the "
            "condition people"
        )
    if plan.masks is not None and not plan.masks.is_dir():
        raise DataError(f"{plan.masks}: no such folder of masks")
    return Donors(benchmark.train, plan.masks)


def _ranked(
    query: Split, gallery: Split, queries: Features, found: Features, *, with_cameras: bool, **what: Any
) -> Iterator[Trial]:
    """One trial for each feature."""
    cameras: Sequence[Any] = (None, None)
    if with_cameras and query.cameras is not None and gallery.cameras is not None:
        cameras = (query.cameras, gallery.cameras)
    for name, features in queries.items():
        result = rank(features, found[name], query.identities, gallery.identities, *cameras)
        hits = np.where(result.valid, (result.first_match == 1).astype(np.float64), np.nan)
        yield Trial(feature=name, average_precision=result.average_precision, hits=hits, **what)
