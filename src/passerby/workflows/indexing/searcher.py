"""Search an open gallery, as often as wanted, with the model in memory."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

from passerby.errors import CheckpointError, GalleryError
from passerby.gallery.gallery import Gallery
from passerby.gallery.opening import shown_location
from passerby.gallery.records import ModelKey
from passerby.gallery.search import EVERYTHING, Filters, Hits
from passerby.inference.embedder import Embedder
from passerby.inference.loading import as_embedder
from passerby.printable import printable_line
from passerby.workflows.indexing.model_choice import model_of, models_of
from passerby.workflows.indexing.reranking import CANDIDATES, reranked
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


class Searcher:
    """Turns queries into features, and searches with them; several threads may ask.

    Args:
        location: of the gallery, for messages.
        model: as of `passerby.search`; None for the gallery's newest, by the name it had then, and for sentences the
            newest that understands them.
        device: where the model computes.
    """

    def __init__(
        self, location: str | Path, *, model: Embedder | str | Path | None = None, device: str | None = None
    ) -> None:
        self._location, self._model, self._device = shown_location(location), model, device
        self._lock = threading.Lock()
        self._loaded: dict[str, tuple[Embedder, ModelKey]] = {}

    @property
    def loaded(self) -> bool:
        """Whether a model is in memory."""
        return bool(self._loaded)

    def search(
        self,
        gallery: Gallery,
        query: Query,
        *,
        filters: Filters = EVERYTHING,
        count: int = 20,
        by_identity: bool = False,
        false_match_rate: float | None = None,
        exact: bool = False,
        rerank: bool = False,
        reason: str = "",
    ) -> Hits:
        """Find people, see `passerby.search`; the query is not a photograph."""
        if rerank and query.text is not None:
            raise GalleryError("a sentence cannot be re-ranked, for pictures are alike and words are not: leave it out")
        features, key = self.features(gallery, query)
        hits = gallery.search(
            features,
            model=key,
            filters=filters,
            count=max(count, CANDIDATES) if rerank else count,
            by_identity=by_identity,
            false_match_rate=false_match_rate,
            exact=exact,
            sentence=query.text is not None,
            reason=reason,
        )
        if not rerank:
            return hits
        found = reranked(gallery, hits, features, key)
        return Hits(found[:count], found.recall, found.note)

    def features(self, gallery: Gallery, query: Query) -> tuple[NDArray[np.float32], ModelKey]:
        """Features of a query, float32 [N, D] or [D], and of which model they are.

        Raises:
            GalleryError: the gallery is empty, has no features of the model, or there is no such tracklet.
            DataError: a picture cannot be read.
            CheckpointError: the model cannot be loaded, or has no text tower.
        """
        known = models_of(gallery, self._location)
        if query.tracklet is not None and self._model is None:
            return gallery.feature(query.tracklet, known[-1]), known[-1]
        if query.text is not None:
            return self._of_text(query.text, known)
        embedder, key = self._embedder(known)
        if query.tracklet is not None:
            return gallery.feature(query.tracklet, key), key
        with self._lock:
            return embedder.embed(list(query.pictures)), key

    def searched(self, gallery: Gallery) -> ModelKey:
        """The model of the gallery that is searched with; it is loaded only where somebody named one.

        Raises:
            GalleryError: the gallery is empty, or has no features of the model.
            CheckpointError: the model cannot be loaded.
        """
        if self._model is not None:
            return self.check(gallery)
        return model_of(gallery, None, self._location)

    def check(self, gallery: Gallery) -> ModelKey:
        """Load the model now, and see that the gallery has features of it.

        Raises:
            GalleryError: the gallery is empty, or has no features of the model.
            CheckpointError: the model cannot be loaded.
        """
        return self._embedder(models_of(gallery, self._location))[1]

    def _of_text(self, text: str, known: Sequence[ModelKey]) -> tuple[NDArray[np.float32], ModelKey]:
        """By the newest model that understands sentences, where nobody named one: not all do."""
        refused: CheckpointError | None = None
        for count in range(len(known), 0, -1):
            try:
                embedder, key = self._embedder(known[:count])
                with self._lock:
                    return embedder.embed_text(text), key
            except CheckpointError as error:
                refused = refused or error
                if self._model is not None:
                    break
        assert refused is not None
        raise refused

    def _load(self, model: Embedder | str | Path) -> Embedder:
        try:
            return as_embedder(model, device=self._device)
        except CheckpointError as error:
            if self._model is not None:
                raise
            raise CheckpointError(
                f"{self._location}: its features are of {printable_line(str(model))}, which cannot be loaded "
                f"({error}): say by `model` where that is now, or search by tracklet"
            ) from error

    def _embedder(self, known: Sequence[ModelKey]) -> tuple[Embedder, ModelKey]:
        model = known[-1].name if self._model is None else self._model
        name = str(model)
        with self._lock:
            if name not in self._loaded:
                embedder = self._load(model)
                self._loaded[name] = embedder, model_key(embedder, name)
            embedder, key = self._loaded[name]
        if key.fingerprint not in {each.fingerprint for each in known}:
            raise GalleryError(
                f"{self._location}: has no features of {key.name}, but of {', '.join(each.name for each in known)}: "
                "search with the same file as `passerby index` was given"
            )
        return embedder, key
