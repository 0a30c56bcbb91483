"""The page of what an erasure would reach, for somebody to look at before it is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from passerby.printable import printable_line
from passerby.report.html.template import rendered
from passerby.report.html.thumbnail import data_uri, thumbnail_of


class Reached(NamedTuple):
    """A tracklet that would be erased.

    Attributes:
        number: the tracklet's.
        camera: that saw the person.
        when: it was filmed, in words.
        identity: whose it is; None where that is not known.
        probability: that it shows the person asked for; None where everybody is meant.
        picture: a JPEG file; None where there is none.
    """

    number: int
    camera: str
    when: str
    identity: int | None
    probability: float | None
    picture: bytes | None


@dataclass(frozen=True)
class ErasureContent:
    """What the page tells.

    Attributes:
        shown: tracklets with their pictures, in this order.
        tracklets: how many would be erased.
        held: how many more are meant, but stay, for they are under a legal hold.
        undated: how many are not reached, for nobody knows when they were filmed.
        same_people: how many are not reached, but belong to an identity of which others are.
        by_likeness: whether who looks like somebody is meant, and the least probable stand first.
    """

    shown: Sequence[Reached]
    tracklets: int
    held: int
    undated: int
    same_people: int
    by_likeness: bool


def erasure_page(content: ErasureContent) -> str:
    """The page's HTML, one file that needs no network and no script; what users wrote is escaped."""
    return rendered(
        "erasure.html.jinja",
        title="What would be erased",
        headlines=[
            ("to be erased", f"{content.tracklets:,}", "tracklets, with features, pictures and captions"),
            ("held", f"{content.held:,}", "meant too, but under a legal hold: they stay"),
            (
                "without a time",
                f"{content.undated:,}",
                "of these cameras, not reached: nobody knows when they were filmed",
            ),
            (
                "of the same identities",
                f"{content.same_people:,}",
                "not reached, though the gallery takes them for the same people",
            ),
        ],
        tiles=[_tile(each) for each in content.shown],
        tracklets=content.tracklets,
        by_likeness=content.by_likeness,
    )


def _tile(each: Reached) -> dict[str, Any]:
    small = None if each.picture is None else thumbnail_of(each.picture)
    return {
        "number": each.number,
        "camera": printable_line(each.camera),
        "when": printable_line(each.when),
        "identity": each.identity,
        "probability": None if each.probability is None else f"{each.probability:.3f}",
        "picture": None if small is None else data_uri(small),
    }
