"""Let a further model compute features of what a gallery has: what `passerby gallery embed` does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.opening import shown_location
from passerby.gallery.records import Feature, ModelKey, NewTracklet, Tracklet
from passerby.inference.embedder import Embedder, check_batch_size
from passerby.inference.loading import as_embedder
from passerby.models.bundled import NAMES
from passerby.progress import Progress
from passerby.workflows.indexing.pictures import opened_picture
from passerby.workflows.indexing.tracked_people import model_key, tracklet_feature

_BATCH = 64
_AT_ONCE = 200
"""Tracklets that are embedded, and then stored together."""


@dataclass(frozen=True)
class EmbeddedGallery:
    """What became of a gallery's tracklets.

    Attributes:
        gallery: as it was named, without a password.
        model: the name under which the gallery keeps its features.
        embedded: tracklets that have features of the model since this call.
        without_pictures: tracklets that cannot have any.
    """

    gallery: str
    model: str
    embedded: int
    without_pictures: int


def embed_gallery(
    gallery: str | Path,
    model: Embedder | str | Path,
    *,
    batch_size: int = _BATCH,
    device: str | None = None,
    show: bool = False,
) -> EmbeddedGallery:
    """Compute features of a gallery's pictures with a further model, which stand beside those of others.

    Those that are there already are not computed again; interrupted, the same call goes on where it was.

    Args:
        gallery: its folder, or the address of a server.
        model: what `passerby.load` takes. A folder or file is kept under its absolute path, by which searches find it.
        batch_size: pictures embedded at once.
        device: where the model computes.
        show: whether to show progress on stderr.

    Raises:
        GalleryError: there is no gallery.
        CheckpointError: the model cannot be loaded.
        DataError: a picture cannot be read.
    """
    check_batch_size(batch_size)
    embedder = as_embedder(model, device=device)
    key = model_key(embedder, kept_name(model))
    with open_gallery(gallery) as opened:
        embedded = embed_pictures(opened, embedder, key, batch_size=batch_size, show=show)
        without = len(opened) - len(opened.numbers_with_pictures())
    return EmbeddedGallery(shown_location(gallery), key.name, embedded, without)


def kept_name(model: Embedder | str | Path) -> str:
    """The name of a model in a gallery: for what lies on disk its absolute path."""
    if isinstance(model, Embedder):
        return type(model).__name__
    place = Path(model).expanduser()
    return str(place.absolute()) if str(model) not in NAMES and place.exists() else str(model)


def embed_pictures(
    gallery: Gallery, embedder: Embedder, key: ModelKey, *, batch_size: int = _BATCH, show: bool = False
) -> int:
    """Compute and store what a gallery lacks of a model's features; how many tracklets that were.

    Raises:
        DataError: a picture cannot be read.
    """
    lacking = gallery.numbers_without(key)
    with Progress("embedding", len(lacking), unit="tracklets", quiet=not show) as progress:
        for first in range(0, len(lacking), _AT_ONCE):
            some = gallery.get(lacking[first : first + _AT_ONCE])
            features = features_of(gallery, [each.number for each in some], embedder, batch_size=batch_size)
            gallery.add([_with(each, key, features[each.number]) for each in some])
            progress.advance(len(some))
    return len(lacking)


def features_of(
    gallery: Gallery, numbers: Sequence[int], embedder: Embedder, *, batch_size: int = _BATCH
) -> dict[int, Feature]:
    """Features of tracklets by their pictures in the gallery, by number; of those that have pictures.

    Raises:
        DataError: a picture cannot be read.
    """
    features: dict[int, Feature] = {}
    for some in _parts(numbers):
        pictures = {
            number: [opened_picture(crop, number) for crop in crops]
            for number in some
            if (crops := gallery.crops(number))
        }
        if not pictures:
            continue
        embedded = embedder.embed([each for listed in pictures.values() for each in listed], batch_size=batch_size)
        parts = np.split(embedded, np.cumsum([len(listed) for listed in pictures.values()])[:-1])
        features.update((number, tracklet_feature(part)) for number, part in zip(pictures, parts, strict=True))
    return features


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[first : first + _AT_ONCE] for first in range(0, len(numbers), _AT_ONCE))


def _with(tracklet: Tracklet, key: ModelKey, feature: Feature) -> NewTracklet:
    """A tracklet that the gallery has, which takes nothing of it but the feature."""
    return NewTracklet(
        key=tracklet.key,
        camera=tracklet.camera,
        video=tracklet.video,
        begins=tracklet.begins,
        ends=tracklet.ends,
        frames=tracklet.frames,
        height=tracklet.height,
        features={key: feature},
    )
