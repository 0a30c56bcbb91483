"""Pictures of queries as an occlusion experiment occludes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from passerby.data.augmentation.transforms import TestTransform
from passerby.data.loading.pixel_sources import open_source
from passerby.data.occlusion.occlude import Condition
from passerby.data.occlusion.source import Donors, OccludedSource, OcclusionRun, choose_donors
from passerby.data.split import Benchmark
from passerby.evaluation.occlusion import occurring_names
from passerby.evaluation.occlusion_plan import OcclusionPlan


@dataclass(frozen=True)
class OccludedPicture:
    """A query at one level; `condition` is None where nothing is occluded."""

    condition: Condition | None
    level: float
    picture: Image.Image


def occluded_samples(
    benchmark: Benchmark, transform: TestTransform, plan: OcclusionPlan, rows: Sequence[int]
) -> list[list[OccludedPicture]]:
    """What the model sees of a few queries in the first run of a plan: whole, then occluded, level after level.

    Args:
        benchmark: needs a training part for the condition `people`.
        transform: of the model.
        plan: what is tried.
        rows: of the query.

    Raises:
        DataError: an image or mask cannot be read, or no person is left to stand in front.
    """
    query, gallery = benchmark.query_and_gallery()
    chosen, places = query.take(np.array(rows, dtype=np.int64)), np.arange(len(rows))
    _, source = open_source(chosen, transform, show_progress=False)
    found: list[list[OccludedPicture]] = [[] for _ in rows]

    def add(condition: Condition | None, level: float, pixels: OccludedSource) -> None:
        images = pixels.gather(places, transform.size, transform.interpolation).on().numpy()
        for pictures, image in zip(found, images.transpose(0, 2, 3, 1), strict=True):
            pictures.append(OccludedPicture(condition, level, Image.fromarray(np.ascontiguousarray(image))))

    for number, condition in enumerate(plan.conditions):
        run = OcclusionRun(benchmark.name, condition, 0, plan.fill)
        donors = None
        if condition == "people" and benchmark.train is not None:
            people = Donors(benchmark.train, plan.masks)
            donors = people, choose_donors(chosen, people, run, occurring_names(gallery))
        if number == 0:
            add(None, 0.0, OccludedSource(source, chosen, run, 0.0))
        for level in plan.levels:
            add(condition, level, OccludedSource(source, chosen, run, level, donors))
    return found
