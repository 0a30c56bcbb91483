"""The page that `passerby demo` ends with: every step of the road, with its command and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from passerby.atomic_files import write_text_atomically
from passerby.metrics import RankingResult
from passerby.report.html.cards import Cell, TableCard
from passerby.report.html.template import rendered
from passerby.report.html.thumbnail import data_uri, thumbnail_of


class Tile(NamedTuple):
    """A tracklet on the page.

    Attributes:
        number: of the tracklet.
        picture: a JPEG file.
        camera: that filmed it.
        right: whether it shows the person whom the row is about; None where the truth does not tell whom it shows.
        note: one word more, such as how probable that is.
    """

    number: int
    picture: bytes
    camera: str
    right: bool | None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """Tracklets that are said to show one person.

    Attributes:
        heading: who.
        about: a line about it.
        tiles: the tracklets.
        query: the picture that was searched with; None where there was none.
    """

    heading: str
    about: str
    tiles: Sequence[Tile]
    query: Image.Image | None = None


class Joins(NamedTuple):
    """Who was said to be who, against the truth; pairs of tracklets of people.

    Attributes:
        people: that the tracklets show.
        identities: that were found.
        precision: share of joined pairs that show one person.
        recall: share of pairs of one person that were joined.
        cross_camera_recall: the same of pairs of two cameras.
    """

    people: int
    identities: int
    precision: float
    recall: float
    cross_camera_recall: float


@dataclass(frozen=True)
class Commands:
    """The line of each step, as a shell takes it; None for what was not done."""

    draw: str
    track: str
    index: str
    name: str | None
    by_picture: str
    by_sentence: str
    serve: str


@dataclass(frozen=True)
class DemoContent:
    """What the page tells.

    Attributes:
        seed: of the world.
        people: who walk past the cameras.
        seconds: length of each video.
        cameras: pictures of each, by its name.
        commands: the line of each step.
        tracking: figures of the tracks against the truth, by name.
        tracklets, unclear: how many there are, and of how many the truth does not tell whom they show.
        joins: who is who, against the truth.
        found: identities, some of them.
        by_picture, by_sentence: searches, some of them.
        picture_metrics, sentence_metrics: all of them, one for each person.
        pictures: the folder of pictures to search with, as it is called.
    """

    seed: int
    people: int
    seconds: float
    cameras: Mapping[str, Sequence[Image.Image]]
    commands: Commands
    tracking: Mapping[str, float]
    tracklets: int
    unclear: int
    joins: Joins
    found: Sequence[Row]
    by_picture: Sequence[Row]
    by_sentence: Sequence[Row]
    picture_metrics: RankingResult
    sentence_metrics: RankingResult
    pictures: str


def write_demo_page(page: Path, content: DemoContent) -> Path:
    """Write the page, one file that needs no network and no script, and return its path."""
    html = rendered(
        "demo.html.jinja",
        title="passerby, from videos to a search",
        content=content,
        cameras={name: [data_uri(still) for still in stills] for name, stills in content.cameras.items()},
        tracking=[(name, f"{100 * content.tracking[name]:.0f} %", meaning) for name, meaning in _TRACKING.items()],
        joins=_joins(content.joins),
        found=[_row(row) for row in content.found],
        by_picture=[_row(row) for row in content.by_picture],
        by_sentence=[_row(row) for row in content.by_sentence],
        searches=_searches(content),
    )
    write_text_atomically(page, html)
    return page


_TRACKING = {
    "HOTA": "detection and following together",
    "IDF1": "boxes that carry the right person's number",
    "purity": "boxes of a tracklet that show its person",
}


def _joins(joins: Joins) -> list[tuple[str, str, str]]:
    """Name, value and meaning."""
    return [
        ("identities", f"{joins.identities:,}", f"found, of {joins.people:,} people"),
        ("precision", f"{100 * joins.precision:.0f} %", "of joined pairs show one person"),
        ("recall", f"{100 * joins.recall:.0f} %", "of the pairs of one person were joined"),
        ("across cameras", f"{100 * joins.cross_camera_recall:.0f} %", "of these pairs from two cameras"),
    ]


def _row(row: Row) -> dict[str, Any]:
    return {
        "heading": row.heading,
        "about": row.about,
        "query": None if row.query is None else data_uri(row.query),
        "tiles": [{**each._asdict(), "picture": _thumbnail(each.picture)} for each in row.tiles],
    }


def _thumbnail(jpeg: bytes) -> str | None:
    small = thumbnail_of(jpeg)
    return None if small is None else data_uri(small)


def _searches(content: DemoContent) -> TableCard:
    rows = [
        [Cell(name), Cell(_percent(found.mAP)), *(Cell(_percent(found.rank_at(k))) for k in (1, 5))]
        for name, found in (("a picture", content.picture_metrics), ("a sentence", content.sentence_metrics))
    ]
    return TableCard(
        "Everybody searched for, once each",
        ["by", "mAP", "right first", "right among the first five"],
        rows,
        f"{content.picture_metrics.valid_queries:,} people among {content.tracklets:,} tracklets; {content.unclear:,} "
        "of these, whose boxes hold two people or a part of one, are left out, for they are neither right nor wrong.",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
