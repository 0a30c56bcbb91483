"""From videos to a gallery: what `passerby index` does."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from passerby.errors import DataError
from passerby.extras import is_installed
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.opening import is_address, shown_location
from passerby.gallery.records import Added, ModelKey, NewTracklet
from passerby.inference.computing import ModelPrecision
from passerby.inference.embedder import Embedder, check_batch_size
from passerby.inference.loading import as_embedder
from passerby.json_text import json_text
from passerby.output_lock import alone_at
from passerby.output_paths import checked_folder, default_cache_folder
from passerby.progress import Progress
from passerby.workflows.computing.opening import open_computing, open_reference
from passerby.workflows.indexing.source_mark import source_mark
from passerby.workflows.indexing.tracked_people import crops_ahead, model_key, read_tracked_people
from passerby.workflows.tracking.request import TrackingOptions, TrackingRequest, tracking_request
from passerby.workflows.tracking.track import track

Sources = str | Path | Mapping[str, Any] | Sequence[str | Path | Mapping[str, Any]]
"""One source or several, as of `passerby.track`."""

_BATCH = 64
_TRACKLETS_AT_ONCE = 200


@dataclass(frozen=True)
class IndexedVideos:
    """What became of videos.

    Attributes:
        gallery: its folder, or the address of its server without a password.
        new, known, erased: tracklets that were added, that were there, and that had been erased and were not added.
        tracklets: how many the gallery holds now.
        identities: how many people they are; None where too few were seen at once to know how alike strangers are.
    """

    gallery: Path | str
    new: int
    known: int
    erased: int
    tracklets: int
    identities: int | None


def index(
    sources: Sources,
    gallery: str | Path,
    *,
    model: Embedder | str | Path = "tiny-clip",
    options: TrackingOptions | None = None,
    batch_size: int = _BATCH,
    precision: ModelPrecision = "auto",
    show: bool = False,
    **choices: Any,
) -> IndexedVideos:
    """Find and follow the people in videos, put them into a gallery that can be searched, and find out who is who.

    Interrupted, the same call goes on where it was. More videos may be added; one that is there changes nothing.

    Args:
        sources: as of `passerby.track`; no streams.
        gallery: a folder, or a PostgreSQL server's address; made where it is missing.
        model: what `passerby.load` takes; computes the features by which people are searched.
        options: how videos are tracked, all choices at once; else they are given one by one, as `fps=5`. Their `model`
            also follows people by their looks.
        batch_size: crops embedded at once.
        precision: of a model that has yet to be loaded, see `passerby.embed`.
        show: whether to show progress on stderr.
        **choices: fields of `TrackingOptions`.

    Raises:
        DataError: a source cannot be read, or is a stream; or another process indexes into the gallery.
        RecipeError: an unknown setting, or a value that does not fit.
        CheckpointError, DeviceError: a model cannot be loaded, or not in this precision.
        GalleryError: the gallery cannot be written.
    """
    check_batch_size(batch_size)
    options = replace(options or TrackingOptions(**choices), report=False)
    listed = _listed(sources)
    folder, location = _work_folder(gallery)
    request = tracking_request(listed, folder / "tracking", options)
    _check_no_streams(request)
    load = cache(partial(as_embedder, model, device=options.device))
    reference = open_reference(load, model, "auto", precision)
    key = model_key(reference, str(model) if isinstance(model, str | os.PathLike) else type(model).__name__)
    with open_gallery(location, create=True) as opened, alone_at(folder / "indexing"):
        place = _place(folder, request)
        tracked = track(listed, place, options=options, show=show)
        crops = crops_ahead(tracked.table)
        embedder = open_computing(load, model, crops, precision=precision, show=show) if crops.count else reference
        people = _people(tracked.table, request, embedder, key, batch_size)
        added = _add(opened, people, tracked.tracklets, key, show=show)
        shutil.rmtree(place)  # the gallery holds all of it, and must be able to erase it
        return IndexedVideos(_shown(location), *added, tracklets=len(opened), identities=_identities(opened, key))


def tracking_folder(sources: Sources, gallery: str | Path, options: TrackingOptions) -> Path:
    """Where `index` keeps what it has tracked until the gallery holds all of it; it need not exist.

    Args:
        sources: as of `index`.
        gallery: likewise.
        options: likewise.

    Raises:
        DataError: a source cannot be read.
        RecipeError: an unknown setting, or a value that does not fit.
    """
    folder = checked_folder(gallery)
    return _place(folder, tracking_request(_listed(sources), folder / "tracking", replace(options, report=False)))


def _work_folder(gallery: str | Path) -> tuple[Path, str | Path]:
    """Where videos are tracked until the gallery holds them, for a server in the cache; and where the gallery is."""
    if not is_address(gallery):
        folder = checked_folder(gallery)
        return folder, folder
    folder = default_cache_folder() / "indexing" / hashlib.sha256(str(gallery).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder, gallery


def _shown(location: str | Path) -> str | Path:
    return shown_location(location) if is_address(location) else location


def _listed(sources: Sources) -> Sequence[Any]:
    return [sources] if isinstance(sources, str | os.PathLike | Mapping) else list(sources)


def _place(folder: Path, request: TrackingRequest) -> Path:
    return folder / f"tracking-{hashlib.sha256(json_text(request.record()).encode()).hexdigest()[:16]}"


def _people(
    table: Path, request: TrackingRequest, embedder: Embedder, key: ModelKey, batch_size: int
) -> Iterator[list[NewTracklet]]:
    """The tracklets of a table with features, some at a time."""
    marks = {source.name: source_mark(Path(source.location)) for source in request.sources}
    return read_tracked_people(
        table, embedder, key, marks=marks, batch_size=batch_size, tracklets_at_once=_TRACKLETS_AT_ONCE
    )


def _add(gallery: Gallery, people: Iterator[list[NewTracklet]], count: int, key: ModelKey, *, show: bool) -> Added:
    total = Added(0, 0)
    with Progress("embedding and adding tracklets", count, quiet=not show) as progress:
        for some in people:
            added = gallery.add(some)
            total = Added(*(before + now for before, now in zip(total, added, strict=True)))
            progress.advance(len(some))
    if total.new:
        _keep_index(gallery, key, show=show)
    return total


def _keep_index(gallery: Gallery, key: ModelKey, *, show: bool) -> None:
    """Put what was added into the index of features, where the gallery has one and it can be made."""
    indexed = {each.model for each in gallery.feature_indexes() if each.indexed}
    if key.name in indexed and is_installed("faiss"):
        gallery.index_features(key, reason="index", show=show)


def _identities(gallery: Gallery, key: ModelKey) -> int | None:
    """How many people there are; None where the gallery cannot know how alike strangers are."""
    return gallery.identify(model=key, reason="index").identities if gallery.calibration(key).rates else None


def _check_no_streams(request: TrackingRequest) -> None:
    streams = [source.shown for source in request.sources if source.live]
    if streams:
        raise DataError(
            f"{streams[0]}: a stream has no end, so it cannot be indexed: record it first, and index the file"
        )
