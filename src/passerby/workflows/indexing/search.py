"""Search a gallery by pictures, by a sentence, or by a tracklet: what `passerby search` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from passerby.atomic_files import write_atomically
from passerby.errors import GalleryError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.records import ModelKey
from passerby.gallery.search import EVERYTHING, Filters, Hit
from passerby.inference.embedder import Embedder
from passerby.inference.loading import as_embedder
from passerby.output_paths import checked_folder
from passerby.video.detection.opening import DEFAULT_DETECTOR
from passerby.workflows.indexing.photographs import chosen_person, find_people
from passerby.workflows.indexing.pictures import largest_picture
from passerby.workflows.indexing.tracked_people import model_key


@dataclass(frozen=True)
class Query:
    """Who is looked for; exactly one of pictures, text, tracklet and photo.

    Attributes:
        pictures: crops that show one person each, always the same one, files or PIL images; one query together.
        text: a sentence about the person, for models with a text tower.
        tracklet: the number of a tracklet of the gallery.
        photo: a whole photograph, of which one person is looked for.
        person: which one, as `find_people` numbers them; may be left out where it shows only one.
    """

    pictures: Sequence[str | Path | Image] = ()
    text: str | None = None
    tracklet: int | None = None
    photo: str | Path | None = None
    person: int | None = None

    def __post_init__(self) -> None:
        others = (self.text, self.tracklet, self.photo)
        if bool(self.pictures) + sum(each is not None for each in others) != 1:
            raise GalleryError(
                "say who is looked for: pictures of the person, a sentence, a tracklet, or a photograph; one of them"
            )
        if self.person is not None and self.photo is None:
            raise GalleryError("a person's number is for whole photographs: give one, or leave the number out")


def search(
    gallery: str | Path,
    query: Query,
    *,
    model: Embedder | str | Path | None = None,
    filters: Filters = EVERYTHING,
    count: int = 20,
    by_identity: bool = False,
    false_match_rate: float | None = None,
    crops: str | Path | None = None,
    reason: str = "",
    device: str | None = None,
    detector: str | Path = DEFAULT_DETECTOR,
) -> list[Hit]:
    """Find the tracklets of a gallery that are most like a person.

    Args:
        gallery: its folder.
        query: who is looked for.
        model: the one that the gallery was made with, as `passerby.load` takes it; by default as it was named then.
        filters: which tracklets count.
        count: how many at most.
        by_identity: of each identity only the best tracklet.
        false_match_rate: leave out whoever is less alike than all but this share of pairs of different people.
        crops: a folder that receives the best picture of each, named by rank and tracklet.
        reason: why one searches, for the gallery's log.
        device: where the model computes.
        detector: finds the people of a photograph, as of `find_people`.

    Raises:
        GalleryError: there is no gallery, it has no features of the model, or there is no such tracklet.
        DataError: a picture cannot be read, or a photograph shows nobody, or several and none is chosen.
        CheckpointError: the model cannot be loaded, or has no text tower.
    """
    query = cut_out(query, detector)
    with open_gallery(gallery) as opened:
        features, key = embedded_query(opened, query, model, gallery, device)
        hits = opened.search(
            features,
            model=key,
            filters=filters,
            count=count,
            by_identity=by_identity,
            false_match_rate=false_match_rate,
            sentence=query.text is not None,
            reason=reason,
        )
        if crops is not None:
            _write_crops(opened, hits, checked_folder(crops))
        return hits


def cut_out(query: Query, detector: str | Path) -> Query:
    """The query, by the picture of its person where a whole photograph was given.

    Args:
        query: who is looked for.
        detector: finds the people of a photograph.

    Raises:
        DataError: the photograph shows nobody, or several and none is chosen.
    """
    if query.photo is None:
        return query
    person = chosen_person(find_people(query.photo, detector=detector), query.person, query.photo)
    return Query(pictures=[person.picture])


def embedded_query(
    opened: Gallery, query: Query, model: Embedder | str | Path | None, gallery: str | Path, device: str | None
) -> tuple[NDArray[np.float32], ModelKey]:
    """Features of the query, float32 [Q, D] or [D], and of which model they are.

    Args:
        opened: the gallery.
        query: who is looked for, not by a photograph.
        model: as of `search`.
        gallery: its name, for messages.
        device: where the model computes.

    Raises:
        GalleryError: the gallery is empty, has no features of the model, or there is no such tracklet.
    """
    known = opened.models()
    if not known:
        raise GalleryError(f"{gallery}: is empty: `passerby index` puts videos into it")
    if query.tracklet is not None and model is None:
        return opened.feature(query.tracklet, known[-1]), known[-1]
    embedder = as_embedder(known[-1].name if model is None else model, device=device)
    key = model_key(embedder, str(model or known[-1].name))
    _check_known(key, known, gallery)
    return _features(opened, query, embedder, key), key


def _features(gallery: Gallery, query: Query, model: Embedder, key: ModelKey) -> NDArray[np.float32]:
    if query.text is not None:
        return model.embed_text(query.text)
    if query.tracklet is not None:
        return gallery.feature(query.tracklet, key)
    return model.embed(list(query.pictures))


def _check_known(key: ModelKey, known: Sequence[ModelKey], gallery: str | Path) -> None:
    if key.fingerprint not in {each.fingerprint for each in known}:
        raise GalleryError(
            f"{gallery}: has no features of {key.name}, but of {', '.join(each.name for each in known)}: search with "
            "the same file as `passerby index` was given"
        )


def _write_crops(gallery: Gallery, hits: Sequence[Hit], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        (folder / f"{rank:03d}-{number}.jpg", number): pictures
        for rank, number in enumerate([hit.tracklet.number for hit in hits], start=1)
        if (pictures := gallery.crops(number))
    }
    with gallery.handing_out({file: [number] for file, number in found}):
        for (file, _), pictures in found.items():
            with write_atomically(file) as temporary:
                temporary.write_bytes(largest_picture(pictures))
