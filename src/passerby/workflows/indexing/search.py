"""Search a gallery by pictures, by a sentence, or by a tracklet: what `passerby search` does."""

from collections.abc import Sequence
from pathlib import Path

from passerby.atomic_files import write_atomically
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.search import EVERYTHING, Filters, Hit, Hits
from passerby.inference.embedder import Embedder
from passerby.output_paths import checked_folder
from passerby.video.detection.opening import DEFAULT_DETECTOR
from passerby.workflows.indexing.photographs import chosen_person, find_people
from passerby.workflows.indexing.pictures import largest_picture
from passerby.workflows.indexing.searcher import Query, Searcher


def search(
    gallery: str | Path,
    query: Query,
    *,
    model: Embedder | str | Path | None = None,
    filters: Filters = EVERYTHING,
    count: int = 20,
    by_identity: bool = False,
    false_match_rate: float | None = None,
    exact: bool = False,
    rerank: bool = False,
    crops: str | Path | None = None,
    reason: str = "",
    device: str | None = None,
    detector: str | Path = DEFAULT_DETECTOR,
) -> Hits:
    """Find the tracklets of a gallery that are most like a person.

    Args:
        gallery: its folder.
        query: who is looked for.
        model: of which the gallery has features, as `passerby.load` takes it; by default the newest, as it was named
            then, and for sentences the newest that understands them.
        filters: which tracklets count.
        count: how many at most.
        by_identity: of each identity only the best tracklet.
        false_match_rate: leave out whoever is less alike than all but this share of pairs of different people.
        exact: compare all tracklets, even where the gallery has an index of its features.
        rerank: put the 500 most alike into the order of k-reciprocal re-ranking; not for sentences.
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
        hits = Searcher(gallery, model=model, device=device).search(
            opened, query, filters=filters, count=count, by_identity=by_identity,
            false_match_rate=false_match_rate, exact=exact, rerank=rerank, reason=reason,
        )  # fmt: skip
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
