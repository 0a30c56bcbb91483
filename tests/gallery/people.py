"""Made-up tracklets with features, for galleries of tests."""

from datetime import UTC, datetime, timedelta

import numpy as np

from passerby.gallery.records import Crop, Feature, ModelKey, NewTracklet

MODEL = ModelKey("a" * 64, "made-up", 16)
MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def made_up(count: int, *, people: int = 7, seed: int = 0, model: ModelKey = MODEL) -> list[NewTracklet]:
    """Tracklets of some people in three cameras, each a minute long, one every ten seconds."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((people, model.dim))
    tracklets = []
    for number in range(count):
        person = int(generator.integers(people))
        views = unit(centres[person] + 0.5 * generator.standard_normal((2, model.dim)))
        begins = 10.0 * number
        tracklets.append(
            NewTracklet(
                key=f"seed{seed}/{number}",
                camera=f"cam{number % 3}",
                video=f"video{number % 3}",
                begins=begins,
                ends=begins + 60,
                frames=int(generator.integers(1, 100)),
                height=float(generator.uniform(40, 200)),
                visible=float(generator.uniform(0, 1)),
                taken_from=MORNING + timedelta(seconds=begins),
                taken_to=MORNING + timedelta(seconds=begins + 60),
                caption=f"person {person}",
                crops=[Crop(frame, bytes([number % 256, frame]) * 20) for frame in range(2)],
                features={model: Feature(unit(views.mean(0)), views)},
            )
        )
    return tracklets
