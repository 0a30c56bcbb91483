"""The page of a gallery: its people as rows of pictures, over cameras and time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from passerby.printable import printable, printable_line
from passerby.progress import duration
from passerby.report.gallery.lanes import lane
from passerby.report.html.cards import ChartCard, series_legend
from passerby.report.html.charts import Line, curve_chart
from passerby.report.html.template import rendered
from passerby.report.html.thumbnail import data_uri, thumbnail_of

_LANES = 8
"""Cameras whose time lines are drawn for one person."""

_RELIABILITY = (
    "Pairs of one person and of two weigh alike. Probabilities are learned from halves of tracklets and from people "
    "seen at once; how well they hold from camera to camera, only people who were confirmed can tell."
)


class Sight(NamedTuple):
    """A tracklet on the page.

    Attributes:
        number: the tracklet's.
        camera: that saw the person.
        begins, ends: seconds: since 1970, or since the video began where nobody said when it was taken.
    """

    number: int
    camera: str
    begins: float
    ends: float


@dataclass(frozen=True)
class Person:
    """A person on the page.

    Attributes:
        number: of the identity.
        name, notes: what people wrote; None where nobody did.
        confirmed: whether somebody vouched for it.
        sights: all tracklets, by time.
        pictures: for those that are shown a picture (a JPEG file), or None where there is none; by tracklet.
    """

    number: int
    name: str | None
    notes: str | None
    confirmed: bool
    sights: Sequence[Sight]
    pictures: Mapping[int, bytes | None]


@dataclass(frozen=True)
class GalleryContent:
    """What the page tells.

    Attributes:
        title: of the page.
        people: those who are shown, in this order.
        others: how many people are not shown, and how many tracklets they have.
        confirmed: how many of all people are confirmed.
        cameras: by name how many tracklets and how many people each has.
        tracklets: how many the gallery has.
        unknown: tracklets that are shown of those that belong to nobody.
        unknown_pictures: pictures of these, as in `Person`.
        unknown_count: how many belong to nobody.
        by_clock: whether times are times of day.
        reliability: names of kinds of pairs, and of each what was foretold and what was so, between 0 and 1; empty
            where probabilities are not known.
    """

    title: str
    people: Sequence[Person]
    others: tuple[int, int]
    confirmed: int
    cameras: Mapping[str, tuple[int, int]]
    tracklets: int
    unknown: Sequence[Sight]
    unknown_pictures: Mapping[int, bytes | None]
    unknown_count: int
    by_clock: bool
    reliability: Sequence[Line] = ()


def gallery_page(content: GalleryContent) -> str:
    """The page's HTML, one file that needs no network and no script; what users wrote is escaped."""
    seen = [sight for person in content.people for sight in person.sights]
    begin = min((each.begins for each in seen), default=0.0)
    end = max((each.ends for each in seen), default=0.0)
    return rendered(
        "gallery.html.jinja",
        title=printable_line(content.title),
        headlines=_headlines(content),
        cameras=[(printable_line(name), *(f"{count:,}" for count in some)) for name, some in content.cameras.items()],
        axis=(_moment(begin, content.by_clock), _moment(end, content.by_clock)) if seen else None,
        by_clock=content.by_clock,
        people=[_person(each, begin, end, content.by_clock) for each in content.people],
        others=content.others,
        unknown=[_tile(each, content.unknown_pictures[each.number], content.by_clock) for each in content.unknown],
        unknown_count=content.unknown_count,
        reliability=[_reliability(content.reliability)] if content.reliability else [],
    )


def _reliability(lines: Sequence[Line]) -> ChartCard:
    """A reliability diagram; on the diagonal what was foretold is so."""
    drawn = [Line("as foretold", np.array([0.0, 1.0]), np.array([0.0, 1.0])), *lines]
    marks = [(share / 4, f"{25 * share} %") for share in range(5)]
    heading = "How often pairs were one person, by the probability foretold"
    chart = Markup(curve_chart(heading, "foretold", drawn, marks, marks))
    return ChartCard(heading, chart, series_legend([line.name for line in drawn]), _RELIABILITY)


def _headlines(content: GalleryContent) -> list[tuple[str, str, str]]:
    """Name, value and meaning of the headlines."""
    people = len(content.people) + content.others[0]
    return [
        ("people", f"{people:,}", f"{len(content.people):,} of them on this page"),
        ("confirmed", f"{content.confirmed:,}", "somebody vouched for them"),
        ("tracklets", f"{content.tracklets:,}", "somebody, followed for a while in one video"),
        ("without identity", f"{content.unknown_count:,}", "tracklets of whom nobody knows who they are"),
        ("cameras", f"{len(content.cameras):,}", "that the tracklets are of"),
    ]


def _person(person: Person, begin: float, end: float, by_clock: bool) -> dict[str, Any]:
    cameras = sorted({each.camera for each in person.sights})
    shown = [each for each in person.sights if each.number in person.pictures]
    spans = {name: [(each.begins, each.ends) for each in person.sights if each.camera == name] for name in cameras}
    return {
        "number": person.number,
        "name": None if person.name is None else printable_line(person.name),
        "notes": None if person.notes is None else printable(person.notes),
        "confirmed": person.confirmed,
        "tracklets": len(person.sights),
        "cameras": len(cameras),
        "first": _moment(min(each.begins for each in person.sights), by_clock),
        "last": _moment(max(each.ends for each in person.sights), by_clock),
        "lanes": [(printable_line(name), lane(spans[name], begin, end)) for name in cameras[:_LANES]],
        "more_lanes": max(0, len(cameras) - _LANES),
        "tiles": [_tile(each, person.pictures[each.number], by_clock) for each in shown],
    }


def _tile(sight: Sight, picture: bytes | None, by_clock: bool) -> dict[str, Any]:
    small = None if picture is None else thumbnail_of(picture)
    return {
        "number": sight.number,
        "camera": printable_line(sight.camera),
        "when": _moment(sight.begins, by_clock),
        "short": _moment(sight.begins, by_clock, form="%H:%M:%S"),
        "long": f"{sight.ends - sight.begins:.1f} s",
        "picture": None if small is None else data_uri(small),
    }


def _moment(seconds: float, by_clock: bool, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A moment in UTC; or a length since the video began."""
    return f"{datetime.fromtimestamp(seconds, UTC):{form}}" if by_clock else duration(seconds)
