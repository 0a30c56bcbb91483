"""Galleries of people who are coloured squares, and a network small enough to learn in seconds."""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

import passerby
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.identities.labelled import LabelledPerson
from passerby.gallery.records import Crop, NewTracklet
from passerby.training.runner import train
from passerby.workflows.indexing.embed_gallery import embed_gallery
from tests.methods.small_world import nano_recipe, write_small_world

CROPS = 3
QUICK = (
    "stage1.epochs=1",
    "stage1.batch_size=8",
    "stage2.epochs=2",
    "stage2.identities_per_batch=4",
    "stage2.images_per_identity=2",
)


def nano_run(folder: Path) -> Path:
    """A run of CLIP-ReID that has learned next to nothing."""
    run = folder / "nano"
    train(nano_recipe(write_small_world(folder / "world"), "stage2.epochs=1"), run)
    return run


def picture(person: int, camera: int, frame: int) -> bytes:
    generator = np.random.default_rng([person, camera, frame])
    colour = np.random.default_rng(person).integers(0, 255, 3)
    pixels = colour + generator.normal(0, 30, (64, 32, 3)) - 20 * camera
    stream = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def sights(people: int, *, cameras: int = 2, at_once: int = 4, crops: int = CROPS) -> list[NewTracklet]:
    """One tracklet of each person in each camera; always a few are seen at once."""
    return [
        NewTracklet(
            key=f"person{person:03d}/camera{camera}",
            camera=f"cam{camera}",
            video=f"video{camera}",
            begins=20.0 * (person // at_once),
            ends=20.0 * (person // at_once) + 10,
            frames=100,
            height=64.0,
            crops=[Crop(frame, picture(person, camera, frame)) for frame in range(crops)],
        )
        for person in range(people)
        for camera in range(cameras)
    ]


def labelled(tracklets: Iterable[NewTracklet], *, confirmed: bool) -> list[LabelledPerson]:
    """The people of tracklets, by their keys."""
    members: dict[str, list[str]] = {}
    for each in tracklets:
        members.setdefault(each.key.partition("/")[0], []).append(each.key)
    return [LabelledPerson(keys, confirmed=confirmed) for keys in members.values()]


def write_gallery(
    folder: str | Path, model: str | Path, tracklets: list[NewTracklet], *, known: bool = True, confirmed: bool = True
) -> Path:
    """A gallery of tracklets with features of a model; `known`: whose they are."""
    with open_gallery(folder, create=True, actor="tester") as opened:
        opened.add(tracklets)
        if known:
            opened.take_over(labelled(tracklets, confirmed=confirmed))
    embed_gallery(folder, model)
    return folder


def person_of(gallery: Gallery, number: int) -> str:
    """The true person of a tracklet."""
    return gallery.get([number])[0].key.partition("/")[0]


def weights_of(run: Path) -> dict[str, np.ndarray]:
    """The network's weights by name."""
    model = passerby.load(run, device="cpu")
    assert isinstance(model, passerby.TorchEmbedder)
    return {name: tensor.numpy() for name, tensor in model.model.state_dict().items()}
