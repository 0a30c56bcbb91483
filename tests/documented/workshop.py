"""A folder in which the documentation's Python can be run: small things under the names that the pages use."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

import passerby
from passerby.gallery import Crop
from passerby.workflows.indexing.tracked_people import model_key
from tests.gallery.people import made_up
from tests.methods.small_world import write_small_world

SHORT = {
    "model.architecture": "vit-nano",
    "model.weights": "random",
    "model.image_size": [64, 32],
    "augmentation.padding": 3,
    "stage1.epochs": 1,
    "stage2.epochs": 1,
    "stage2.warmup_epochs": 0,
    "stage2.identities_per_batch": 2,
    "stage2.images_per_identity": 2,
}

SUBSTITUTES = {
    '"clip-reid-vit", data': '"clip-reid-vit-tiny", SHORT, data',
    '"market1501"': '"market-layout"',
    "/data/market1501": "world",
    'yard.mp4"], "gallery"': 'yard.mp4"], "gallery", detector="motion", threads=1',
    'gate.mp4"], "gallery"': 'gate.mp4"], "gallery", detector="motion", threads=1',
    'yard.mp4"], "tracklets"': 'yard.mp4"], "tracklets", detector="motion", threads=1',
    '"yolox-nano"': '"hog"',
    '"gallery", create=True': '"another-gallery", create=True',
    "range(60)": "range(1)",
    "identities_per_batch=16": "identities_per_batch=2",
    '"world", identities=500, cameras=6': '"drawn", identities=2, cameras=2',
    "identities=40, videos=8": "identities=2, videos=3",
    'write_market("world", identities=40': 'write_market("drawn", identities=6',
    'root="world"))': 'root="drawn"))',
}
"""What a page says, and what is run in its place: the same call with less work, or without what has to be fetched."""


def furnish(folder: Path) -> None:
    """Fill the folder; takes a second or two."""
    write_small_world(folder / "world")
    picture = Image.open(min((folder / "world" / "query").glob("*.jpg")))
    (folder / "crops").mkdir()
    for name in ("a", "b", "somebody", "her", "crops/a", "crops/b"):
        picture.save(folder / f"{name}.jpg")
    rows = [
        f"world/{part}/{file.name},{file.name[:4]},{file.name[5:7]},{split}"
        for part, split in (("bounding_box_train", "train"), ("query", "query"), ("bounding_box_test", "gallery"))
        for file in sorted((folder / "world" / part).glob("*.jpg"))
    ]
    (folder / "people.csv").write_text("\n".join(["path,identity,camera,split", *rows]) + "\n", encoding="utf-8")
    for name in ("gate", "yard", "NVR_ch2_20260501083000"):
        _film(folder / f"{name}.mp4")
    _sequence(folder)
    _gallery(folder / "gallery", picture)
    passerby.evaluate("tiny-clip", "market-layout", root=folder / "world", out=folder / "evaluation" / "tiny")


def names(folder: Path) -> dict[str, Any]:
    """What pages use without saying where it is from."""
    generator = np.random.default_rng(0)
    identities = np.repeat(np.arange(1, 21), 4)
    features = np.eye(20, 32)[identities - 1] + 0.2 * generator.standard_normal((80, 32))
    cameras = np.tile([1, 2, 3, 4], 20)
    jpeg = (folder / "a.jpg").read_bytes()
    views = generator.standard_normal((2, 512)).astype(np.float32)
    halves = views / np.linalg.norm(views, axis=1, keepdims=True)
    mean = halves.sum(0) / np.linalg.norm(halves.sum(0))
    return {
        "passerby": passerby,
        "SHORT": SHORT,
        "features": features,
        "identities": identities,
        "cameras": cameras,
        "query_features": features[::4],
        "query_identities": identities[::4],
        "query_cameras": cameras[::4],
        "gallery_features": features,
        "gallery_identities": identities,
        "gallery_cameras": cameras,
        "tracklets": identities,
        "videos": np.repeat(np.arange(4), 20),
        "frames": np.tile(np.arange(20), 4),
        "jpeg": jpeg,
        "halves": halves,
        "mean": mean,
    }


def _film(file: Path) -> None:
    """Two seconds of a dark figure that walks past a bright wall."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 12, (320, 240))
    for number in range(36):
        frame = np.full((240, 320, 3), 200, np.uint8)
        frame[80:200, 20 + 7 * number : 60 + 7 * number] = (40, 40, 160)
        writer.write(frame)
    writer.release()


def _sequence(folder: Path) -> None:
    """One person of MOTChallenge, perfectly followed."""
    (folder / "gt").mkdir()
    lines = [f"{frame},1,{10 + frame},20,30,60,1,1,1" for frame in range(1, 11)]
    (folder / "gt" / "gt.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "result.txt").write_text("\n".join(line[:-6] + ",1,-1,-1,-1" for line in lines) + "\n", encoding="utf-8")


def _gallery(folder: Path, picture: Image.Image) -> None:
    """A hundred tracklets with the features that tiny-clip would give, of people who do not exist."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")
    key = model_key(passerby.load("tiny-clip"), "tiny-clip")
    crops = [Crop(0, buffer.getvalue())]
    tracklets = [replace(each, crops=crops) for each in made_up(100, model=key)]
    with passerby.open_gallery(folder, create=True) as gallery:
        gallery.add([replace(each, camera=each.camera.replace("cam0", "gate")) for each in tracklets])
