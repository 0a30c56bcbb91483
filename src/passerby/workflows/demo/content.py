"""What the demonstration's page tells: pictures of the cameras, some identities, and some searches."""

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from passerby.gallery.gallery import Gallery
from passerby.gallery.identities.people import Identity
from passerby.gallery.records import Tracklet
from passerby.gallery.search import Hits
from passerby.inference.embedder import Embedder
from passerby.metrics import CorrelationQuality, RankingResult
from passerby.report.demo.page import Commands, DemoContent, Joins, Row, Tile
from passerby.report.demo.stills import true_stills
from passerby.workflows.demo.folder import DemoFolder
from passerby.workflows.demo.measures import UNCLEAR, DemoFigures, person_of
from passerby.workflows.demo.wanted import Wanted
from passerby.workflows.indexing.pictures import largest_picture
from passerby.workflows.indexing.searcher import Query, Searcher

_STILLS = 2
_IDENTITIES, _TRACKLETS, _HITS = 6, 8, 6
_PLACES = ("Found best", "In the middle", "Found worst")


class ContentWriter:
    """Gathers what the page shows, and remembers whom.

    Args:
        place: the demonstration's folder.
        gallery: open.
        embedder: computed its features.
        tracklets: all of them.
        people: the person of each, see `true_people`.
        reason: for the gallery's log.
    """

    def __init__(
        self,
        place: DemoFolder,
        gallery: Gallery,
        embedder: Embedder,
        tracklets: Sequence[Tracklet],
        people: Mapping[str, int],
        *,
        reason: str,
    ) -> None:
        self._place, self._gallery, self._reason = place, gallery, reason
        self._searcher = Searcher(place.gallery, model=embedder)
        self._tracklets = {each.number: each for each in tracklets}
        self._people = {each.number: person_of(each, people) for each in tracklets}
        self.shown: set[int] = set()
        """Tracklets that are on the page."""

    def content(
        self,
        figures: DemoFigures,
        identities: Sequence[Identity],
        world: Mapping[str, Any],
        seed: int,
        videos: Mapping[str, Path],
        detector: str,
    ) -> DemoContent:
        """All of it.

        Args:
            figures: of everything that was measured.
            identities: those to show first.
            world: arguments that drew it.
            seed: likewise.
            videos: by camera.
            detector: that found the people.

        Raises:
            DataError: a video cannot be read.
        """
        found = figures.found
        picture, sentence = (_spread(found.wanted, metrics) for metrics in (found.by_picture, found.by_sentence))
        return DemoContent(
            seed=seed,
            people=world["identities"],
            seconds=world["seconds"],
            cameras={
                camera: true_stills(video, self._place.world / "gt" / f"{video.stem}.txt", _STILLS)
                for camera, video in videos.items()
            },
            commands=self._commands(world, seed, detector, identities, picture[0], sentence[0]),
            tracking=figures.tracking.figures()["all together"],
            tracklets=len(self._tracklets),
            unclear=sum(person == UNCLEAR for person in self._people.values()),
            joins=_joins(figures.joins),
            found=[self._identity(each) for each in identities[:_IDENTITIES]],
            by_picture=[self._by_picture(*each) for each in zip(picture, _PLACES, strict=False)],
            by_sentence=[self._by_sentence(*each) for each in zip(sentence, _PLACES, strict=False)],
            picture_metrics=found.by_picture,
            sentence_metrics=found.by_sentence,
            pictures=str(self._place.pictures),
        )

    def _commands(
        self,
        world: Mapping[str, Any],
        seed: int,
        detector: str,
        identities: Sequence[Identity],
        picture: Wanted,
        sentence: Wanted,
    ) -> Commands:
        place = self._place
        arguments = ", ".join(f"{name}={value!r}" for name, value in {**world, "seed": seed}.items())
        folder = json.dumps(str(place.world))  # in double quotes, for the shell's are single
        write = f"passerby.synth.write_videos({folder}, {arguments})"
        cameras, gallery = shlex.quote(str(place.cameras)), shlex.quote(str(place.gallery))
        truth, tracklets = shlex.quote(str(place.world / "gt")), shlex.quote(str(place.tracklets))
        named = next(((each.number, each.name) for each in identities if each.name is not None), None)
        return Commands(
            draw=f"python -c {shlex.quote(f'import passerby.synth; {write}')}",
            track=f"passerby track {cameras} --detector {detector} --ground-truth {truth} -o {tracklets}",
            index=f"passerby index {cameras} --detector {detector} -o {gallery}",
            name=named and f"passerby gallery name {gallery} {named[0]} {shlex.quote(named[1])} --no-confirm",
            by_picture=f"passerby search {gallery} {shlex.quote(str(picture.picture))}",
            by_sentence=f"passerby search {gallery} --text {shlex.quote(sentence.sentence)}",
            serve=f"passerby serve {gallery}",
        )

    def _identity(self, identity: Identity) -> Row:
        votes = Counter(self._people[number] for number in identity.tracklets)
        person = max(sorted(votes), key=lambda each: (each != UNCLEAR, votes[each]))
        step = max(1.0, len(identity.tracklets) / _TRACKLETS)
        places = sorted({int(place * step) for place in range(min(_TRACKLETS, len(identity.tracklets)))})
        tiles = [self._tile(identity.tracklets[place], person) for place in places]
        name = "" if identity.name is None else f"{identity.name}, "
        about = f"{len(identity.tracklets)} tracklets of {', '.join(identity.cameras)}"
        return Row(f"{name}identity {identity.number}", about, [each for each in tiles if each is not None])

    def _by_picture(self, wanted: Wanted, place: str) -> Row:
        with Image.open(wanted.picture) as opened:
            query = opened.convert("RGB")
        hits = self._search(Query(pictures=[wanted.picture]))
        return Row(f"{place}: person {wanted.person}", wanted.picture.name, self._hits(hits, wanted.person), query)

    def _by_sentence(self, wanted: Wanted, place: str) -> Row:
        hits = self._search(Query(text=wanted.sentence))
        return Row(f"{place}: person {wanted.person}", wanted.sentence, self._hits(hits, wanted.person))

    def _search(self, query: Query) -> Hits:
        return self._searcher.search(self._gallery, query, count=_HITS, reason=self._reason)

    def _hits(self, hits: Hits, person: int) -> list[Tile]:
        notes = ["" if hit.probability is None else f"{100 * hit.probability:.0f} %" for hit in hits]
        tiles = [self._tile(hit.tracklet.number, person, note) for hit, note in zip(hits, notes, strict=True)]
        return [each for each in tiles if each is not None]

    def _tile(self, number: int, person: int, note: str = "") -> Tile | None:
        """None where somebody was erased while this is written."""
        crops = self._gallery.crops(number)
        if not crops:
            return None
        self.shown.add(number)
        shown = self._people[number]
        right = None if shown == UNCLEAR else shown == person
        return Tile(number, largest_picture(crops), self._tracklets[number].camera, right, note)


def _joins(joins: CorrelationQuality) -> Joins:
    cross_camera = joins.cross_video_recall or 0.0
    return Joins(joins.identities, joins.clusters, joins.precision, joins.recall, cross_camera)


def _spread(wanted: Sequence[Wanted], metrics: RankingResult) -> list[Wanted]:
    """Whoever is found best, in the middle, and worst."""
    order = np.argsort(-metrics.average_precision, kind="stable")
    places = sorted({0, len(order) // 2, len(order) - 1})
    return [wanted[int(order[place])] for place in places]
