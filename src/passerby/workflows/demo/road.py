"""Draw, follow, index, name, search, measure, and write the page; what is done already is not done again."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from passerby.atomic_files import naming, write_text_atomically
from passerby.errors import DataError, PasserbyError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.identities.people import Identity
from passerby.gallery.records import ModelKey
from passerby.inference.loading import load
from passerby.json_text import json_text
from passerby.report.demo.page import write_demo_page
from passerby.synth import write_videos
from passerby.synth.output.output_folder import holds_world
from passerby.workflows.demo.content import ContentWriter
from passerby.workflows.demo.folder import DemoFolder
from passerby.workflows.demo.measures import DemoFigures, judge_joins, judge_searches, person_of, true_people
from passerby.workflows.demo.wanted import draw_wanted
from passerby.workflows.indexing.index import index
from passerby.workflows.indexing.model_choice import model_of
from passerby.workflows.tracking.request import TrackingOptions
from passerby.workflows.tracking.track import TrackedVideos, track

WORLD: dict[str, Any] = {"identities": 22, "cameras": 3, "seconds": 40.0, "width": 480}
CAMERAS = ("gate", "yard", "hall")
MODEL, DETECTOR = "tiny-clip", "motion"
NAMES = ("Ada", "Ben", "Cleo")
THRESHOLD = 0.92
"""About what the gallery learns by itself where enough people were seen at once."""

REASON = "the demonstration"
_BEGIN, _BETWEEN = datetime(2026, 5, 1, 8, tzinfo=UTC), timedelta(minutes=2)


@dataclass(frozen=True)
class DemoOutcome:
    """What the demonstration made.

    Attributes:
        folder: with everything in it.
        figures: what was measured.
    """

    folder: DemoFolder
    figures: DemoFigures

    def summary(self) -> dict[str, Any]:
        """Places and figures, for JSON."""
        place = self.folder
        places = {"page": place.page, "gallery": place.gallery, "pictures": place.pictures}
        return {**places, **self.figures.summary()}


def run_demo(folder: Path, *, seed: int, processes: int = 1, show: bool = True) -> DemoOutcome:
    """Go the whole road with drawn videos, from three cameras to a gallery that is searched, and show it on a page.

    Interrupted, the same call goes on. After a finished demo it measures the gallery as it is then, with what people
    have corrected and erased, and writes the page anew.

    Args:
        folder: receives everything.
        seed: of the world.
        processes: that draw the videos.
        show: whether to show progress on stderr.

    Raises:
        DataError: the folder holds something else, or cannot be written.
        PasserbyError: somebody pressed Ctrl-C.
    """
    with _saying_how_to_go_on(folder):
        place = DemoFolder.opened(folder, seed)
        _draw(place, seed, processes, show=show)
        truth = place.world / "gt"
        options = TrackingOptions(detector=DETECTOR, ground_truth=truth, replace=True, report=False)
        tracked = track(place.cameras, place.tracklets, options=options, show=show)
        people = true_people(tracked.table, {each.stem: truth / f"{each.stem}.txt" for each in _videos(place)})
        shutil.rmtree(place.tracklets)  # its pictures would outlive whoever is erased from the gallery
        indexed = index(place.cameras, place.gallery, model=MODEL, detector=DETECTOR, show=show)
        with open_gallery(place.gallery) as gallery:
            if indexed.identities is None:  # too few of this seed were seen at once to tell how alike strangers are
                gallery.identify(threshold=THRESHOLD, model=_model(gallery), reason=REASON)
            _name_people(gallery)
            return _measure_and_show(place, gallery, tracked, people, seed)


def _draw(place: DemoFolder, seed: int, processes: int, *, show: bool) -> None:
    """Draw the videos, and list them with cameras and times."""
    if not holds_world(place.world, seed=seed, **WORLD):
        with naming(place.world):
            write_videos(place.world, seed=seed, **WORLD, processes=processes, show_progress=show)
    lines = []
    for number, (video, camera) in enumerate(zip(_videos(place), CAMERAS, strict=True)):
        begin = (_BEGIN + number * _BETWEEN).isoformat()
        lines.append(f"- source: world/videos/{video.name}\n  camera: {camera}\n  start: {begin}\n")
    text = "".join(lines)
    if not place.cameras.is_file() or place.cameras.read_text("utf-8") != text:
        write_text_atomically(place.cameras, text)


def _model(gallery: Gallery) -> ModelKey:
    """The demonstration's model, beside which somebody may have added others."""
    return model_of(gallery, MODEL, "the gallery")


def _videos(place: DemoFolder) -> list[Path]:
    return sorted((place.world / "videos").glob("*.mp4"))


def _name_people(gallery: Gallery) -> None:
    """Name those of most cameras and tracklets, as somebody would who knows them; once."""
    known = gallery.identities()
    free = [name for name in NAMES if name not in {each.name for each in known}]
    if len(free) < len(NAMES):
        return
    for identity, name in zip(most_seen(known), free, strict=False):
        gallery.name(identity.number, name, confirm=False, reason=REASON)


def most_seen(identities: list[Identity]) -> list[Identity]:
    """Those of most cameras first, and of these those of most tracklets."""
    return sorted(identities, key=lambda each: (-len(each.cameras), -len(each.tracklets), each.number))


def _measure_and_show(
    place: DemoFolder, gallery: Gallery, tracked: TrackedVideos, people: Mapping[str, int], seed: int
) -> DemoOutcome:
    """Hold everything against the truth, search, and write the figures and the page."""
    if tracked.quality is None:
        raise AssertionError("the truth was given")
    videos = dict(zip(CAMERAS, _videos(place), strict=True))
    embedder = load(MODEL)
    tracklets = gallery.get(gallery.numbers())
    wanted = draw_wanted(place.pictures, seed=seed, people=WORLD["identities"], camera=len(CAMERAS) + 1)
    there = {person_of(each, people) for each in tracklets}
    wanted = [each for each in wanted if each.person in there]
    if not wanted:
        raise DataError(f"{place.gallery}: has nobody of the drawn people, so there is nothing to show: --seed, --out")
    found = judge_searches(gallery, embedder, _model(gallery), tracklets, people, wanted)
    figures = DemoFigures(tracked.quality, judge_joins(tracklets, people), found)
    writer = ContentWriter(place, gallery, embedder, tracklets, people, reason=REASON)
    content = writer.content(figures, most_seen(gallery.identities()), WORLD, seed, videos, DETECTOR)
    outcome = DemoOutcome(place, figures)
    write_text_atomically(place.figures, json_text(outcome.summary()))
    with gallery.handing_out({place.page: sorted(writer.shown)}, action="report", reason=REASON):
        write_demo_page(place.page, content)
    return outcome


@contextmanager
def _saying_how_to_go_on(folder: Path) -> Iterator[None]:
    again = "give the same command again, and it goes on"
    try:
        yield
    except KeyboardInterrupt as error:
        raise PasserbyError(f"interrupted: {again}") from error
    except OSError as error:
        problem = f"{error.filename or folder}: {error.strerror or error}"
        raise DataError(f"{problem}: see that it may be written and has room, then {again}") from error
