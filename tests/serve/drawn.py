"""A gallery of drawn people, with a small model that tells them apart, for tests of the service."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import passerby
from passerby.gallery.gallery import open_gallery
from passerby.gallery.records import Crop, ModelKey, NewTracklet
from passerby.workflows.indexing.tracked_people import tracklet_feature
from tests.inference.test_file_embedder import write_model

MORNING = datetime(2026, 5, 1, 8, tzinfo=UTC)
VIEWS = 4


def clothes(person: int, view: int = 0) -> NDArray[np.uint8]:
    """A picture of a person: coarse colours of their own, with some noise of the view."""
    coarse = np.random.default_rng(person).integers(0, 255, (8, 4, 3))
    noise = np.random.default_rng((person + 1) * 1000 + view).normal(0, 14, (96, 48, 3))
    return np.clip(np.kron(coarse, np.ones((12, 12, 1))) + noise, 0, 255).astype(np.uint8)


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """A JPEG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=92)
    return file.getvalue()


def draw_gallery(folder: Path, *, people: int = 6, identify: bool = True) -> tuple[Path, Path]:
    """A gallery of people whom each of two cameras saw once, and the file of the model that tells them apart."""
    model_file = write_model(folder / "model.onnx")
    model = passerby.load(model_file)
    key = ModelKey(model.fingerprint().hex(), str(model_file), model.embed_dim)
    tracklets = []
    for person in range(people):
        for camera in range(2):
            pictures = [clothes(person, 10 * camera + view) for view in range(VIEWS)]
            begins = 20.0 * person + 500 * camera
            tracklets.append(
                NewTracklet(
                    key=f"cam{camera}/{person}",
                    camera=f"cam{camera}",
                    video=f"cam{camera}.mp4",
                    begins=begins,
                    ends=begins + 10,
                    taken_from=MORNING + timedelta(seconds=begins),
                    taken_to=MORNING + timedelta(seconds=begins + 10),
                    frames=250,
                    height=90.0 + person,
                    crops=[Crop(10 * view, jpeg(pixels)) for view, pixels in enumerate(pictures)],
                    features={key: tracklet_feature(model.embed(pictures))},
                )
            )
    with open_gallery(folder / "gallery", create=True, actor="drawn") as gallery:
        gallery.add(tracklets)
        if identify:
            gallery.identify(threshold=threshold_of(gallery.features(gallery.numbers(), key), people))
    return folder / "gallery", model_file


def threshold_of(features: dict[int, passerby.gallery.records.Feature], people: int) -> float:
    """A cosine between those of one person and those of two."""
    vectors = np.stack([features[number].vector for number in sorted(features)])
    cosines = vectors @ vectors.T
    owners = np.repeat(np.arange(people), 2)
    same = owners[:, None] == owners[None]
    np.fill_diagonal(cosines, np.nan)
    return float((np.nanmin(cosines[same]) + np.nanmax(cosines[~same])) / 2)
