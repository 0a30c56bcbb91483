"""Say what an erasure would reach, and show it on a page: what `passerby gallery erase` does before it erases."""

from pathlib import Path

from passerby.atomic_files import write_text_atomically
from passerby.errors import GalleryError
from passerby.gallery.erasure.plan import ErasurePlan
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.records import Tracklet
from passerby.gallery.search import EVERYTHING, Filters
from passerby.inference.embedder import Embedder
from passerby.report.gallery.erasure import ErasureContent, Reached, erasure_page
from passerby.video.detection.opening import DEFAULT_DETECTOR
from passerby.workflows.indexing.pictures import largest_picture
from passerby.workflows.indexing.report import checked_page
from passerby.workflows.indexing.search import cut_out
from passerby.workflows.indexing.searcher import Query, Searcher

_SHOWN = 500
"""Tracklets on a page; of more, those that are the least probable, for they are the ones to look at."""

DEFAULT_PROBABILITY = 0.9


def plan_erasure(
    gallery: str | Path,
    query: Query | None = None,
    *,
    probability: float = DEFAULT_PROBABILITY,
    filters: Filters = EVERYTHING,
    page: str | Path | None = None,
    model: Embedder | str | Path | None = None,
    detector: str | Path = DEFAULT_DETECTOR,
    device: str | None = None,
    reason: str = "",
) -> ErasurePlan:
    """Say what an erasure by camera and time, or by pictures, would reach; nothing is erased yet.

    `open_gallery(gallery).erase(plan.numbers)` does it.

    Args:
        gallery: its folder, or the address of a server.
        query: pictures of the person, a photograph or a tracklet; None for everybody within the filters.
        probability: with a query, the least that a tracklet shows this person.
        filters: which tracklets count.
        page: `.html`, receives their pictures; it is removed when they are erased.
        model: of which the gallery has features; by default its newest, as it was named then.
        detector: finds the people of a photograph.
        device: where the model computes.
        reason: for the gallery's log.

    Raises:
        GalleryError: there is no gallery, no such camera, neither a query nor filters, a sentence for a query, or the
            gallery does not know probabilities.
        DataError: a picture cannot be read, a photograph shows nobody, or several and none is chosen; or the page
            cannot be written there.
        CheckpointError: the model cannot be loaded.
    """
    if query is not None and query.text is not None:
        raise GalleryError("of a sentence it is not known how probably it means somebody: erase by picture or number")
    place = None if page is None else checked_page(page)
    query = None if query is None else cut_out(query, detector)
    with open_gallery(gallery) as opened:
        if query is None:
            plan = opened.plan_erasure(filters=filters, reason=reason)
        else:
            features, key = Searcher(gallery, model=model, device=device).features(opened, query)
            plan = opened.plan_erasure(features, probability=probability, model=key, filters=filters, reason=reason)
        if place is not None:
            _write_page(opened, plan, place, reason)
    return plan


def _write_page(gallery: Gallery, plan: ErasurePlan, page: Path, reason: str) -> None:
    likeliest_last = reversed(plan.tracklets) if plan.probabilities else plan.tracklets
    shown = list(likeliest_last)[:_SHOWN]
    with gallery.handing_out({page: [each.number for each in shown]}, action="erasure page", reason=reason):
        reached = [_reached(gallery, plan, each) for each in shown]
        content = ErasureContent(
            reached,
            len(plan.tracklets),
            len(plan.held),
            plan.undated,
            len(plan.same_people),
            by_likeness=bool(plan.probabilities),
        )
        write_text_atomically(page, erasure_page(content))


def _reached(gallery: Gallery, plan: ErasurePlan, tracklet: Tracklet) -> Reached:
    crops = gallery.crops(tracklet.number)
    when = f"{tracklet.begins:.1f} s" if tracklet.taken_from is None else f"{tracklet.taken_from:%F %T}Z"
    return Reached(
        tracklet.number,
        tracklet.camera,
        when,
        tracklet.identity,
        plan.probabilities.get(tracklet.number),
        largest_picture(crops) if crops else None,
    )
