"""Write the page of a gallery: what `passerby gallery report` does."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from passerby.atomic_files import write_text_atomically
from passerby.errors import DataError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.identities.people import Identity
from passerby.gallery.records import Tracklet
from passerby.gallery.stores.sqlite import gallery_around
from passerby.output_paths import check_output_file, expanded
from passerby.report.gallery.page import GalleryContent, Person, Sight, gallery_page
from passerby.report.html.charts import Line
from passerby.workflows.indexing.pictures import largest_picture

_PEOPLE, _PICTURES, _UNKNOWN = 100, 12, 60
"""People on a page, pictures of each, and tracklets that belong to nobody."""


@dataclass(frozen=True)
class GalleryPage:
    """A page that was written.

    Attributes:
        page: its file.
        shown, people: how many people are on it, of how many.
        unknown: tracklets of the gallery that belong to nobody.
    """

    page: Path
    shown: int
    people: int
    unknown: int


def gallery_report(
    gallery: str | Path, out: str | Path, *, top: int = _PEOPLE, title: str | None = None, reason: str = ""
) -> GalleryPage:
    """Write a page of a gallery: its people as rows of pictures over cameras and time.

    The gallery remembers the page and removes it when somebody on it is erased.

    Args:
        gallery: its folder, or the address of a server.
        out: the page, `.html`.
        top: people on it at most; those with most tracklets.
        title: of the page; by default after the gallery's folder.
        reason: why, for the gallery's log.

    Raises:
        DataError: the page cannot be written there.
        GalleryError: there is no gallery, or somebody was erased meanwhile.
    """
    if top < 1:
        raise DataError(f"top must be at least 1, not {top}")
    page = checked_page(out)
    with open_gallery(gallery) as opened:
        known = sorted(opened.identities(), key=lambda each: (-len(each.tracklets), each.number))
        content = _content(opened, known, top, title or _title(str(gallery)))
        shown = [sight.number for person in content.people for sight in person.sights]
        shown += [sight.number for sight in content.unknown]
        with opened.handing_out({page: shown}, action="report", reason=reason):
            write_text_atomically(page, gallery_page(content))
    return GalleryPage(page, len(content.people), len(known), content.unknown_count)


def checked_page(out: str | Path) -> Path:
    """Where a page of a gallery may be written.

    Raises:
        DataError: it is no `.html`, cannot be written, or lies in the folder of a gallery.
    """
    page = expanded(out)
    check_output_file(page, (".html",))
    if gallery_around(page) is not None:
        raise DataError(f"{page}: lies in the folder of a gallery, which holds nothing else: name another place")
    return page


def _title(gallery: str) -> str:
    return "A shared gallery" if "://" in gallery else f"Gallery {Path(gallery).expanduser().absolute().name}"


def _content(gallery: Gallery, known: Sequence[Identity], top: int, title: str) -> GalleryContent:
    members = [gallery.get(each.tracklets) for each in known[:top]]
    unknown = gallery.numbers(unknown=True)
    strangers = gallery.get(_spread(unknown, _UNKNOWN))
    seen = [each for some in members for each in some] + strangers
    by_clock = bool(seen) and all(each.taken_from is not None for each in seen)
    people_of = Counter(camera for each in known for camera in each.cameras)
    return GalleryContent(
        title=title,
        people=[
            _person(gallery, each, some, by_clock=by_clock) for each, some in zip(known[:top], members, strict=True)
        ],
        others=(len(known[top:]), sum(len(each.tracklets) for each in known[top:])),
        confirmed=sum(each.confirmed for each in known),
        cameras={name: (count, people_of[name]) for name, count in gallery.cameras().items()},
        tracklets=len(gallery),
        unknown=[_sight(each, by_clock=by_clock) for each in strangers],
        unknown_pictures={each.number: _picture(gallery, each.number) for each in strangers},
        unknown_count=len(unknown),
        by_clock=by_clock,
        reliability=_reliability(gallery),
    )


def _reliability(gallery: Gallery) -> list[Line]:
    """Whether the probabilities of the newest model come true; nothing where the gallery does not know them."""
    models = gallery.models()
    if not models:
        return []
    found = gallery.reliability(models[-1])
    kinds = (("pairs it was learned from", found.learned), ("people who were confirmed", found.confirmed))
    return [
        Line(name, np.array([each.foretold for each in bins]), np.array([each.observed for each in bins]))
        for name, bins in kinds
        if bins
    ]


def _person(gallery: Gallery, identity: Identity, tracklets: Sequence[Tracklet], *, by_clock: bool) -> Person:
    sights = sorted((_sight(each, by_clock=by_clock) for each in tracklets), key=lambda each: (each[2:], each.number))
    pictured = _spread([each.number for each in sights], _PICTURES)
    return Person(
        identity.number,
        identity.name,
        identity.notes,
        identity.confirmed,
        sights,
        {number: _picture(gallery, number) for number in pictured},
    )


def _sight(tracklet: Tracklet, *, by_clock: bool) -> Sight:
    if by_clock and tracklet.taken_from is not None and tracklet.taken_to is not None:
        return Sight(tracklet.number, tracklet.camera, tracklet.taken_from.timestamp(), tracklet.taken_to.timestamp())
    return Sight(tracklet.number, tracklet.camera, tracklet.begins, tracklet.ends)


def _picture(gallery: Gallery, number: int) -> bytes | None:
    crops = gallery.crops(number)
    return largest_picture(crops) if crops else None


def _spread(numbers: Sequence[int], most: int) -> list[int]:
    """At most so many, evenly spread over the order."""
    if len(numbers) <= most:
        return list(numbers)
    return [numbers[place] for place in np.unique(np.linspace(0, len(numbers) - 1, most).astype(int)).tolist()]
