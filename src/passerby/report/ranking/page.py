"""A page that shows an evaluation: metrics, curves, and rank lists of the worst, median, best and random queries.

One file that needs neither network nor script: pictures are inside it, the sections are switched by the style sheet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from passerby.atomic_files import write_text_atomically
from passerby.evaluation.analysis import Analysis
from passerby.metrics import RankingResult
from passerby.report.html.cards import INTERVAL_NOTE, ChartCard, charts, headlines, tables
from passerby.report.html.template import rendered
from passerby.report.html.thumbnail import data_uri, thumbnail
from passerby.report.ranking.rank_list import RankedSplits, RankList, rank_lists, worst_median_best


class Section(NamedTuple):
    """One of the page's sections: a heading, what it says about its lists, and the lists."""

    key: str
    heading: str
    note: str
    lists: list[RankList]

    @property
    def left_out(self) -> bool:
        """Whether a list shows images that the ranking leaves out."""
        return any(not listed.place for each in self.lists for listed in each.listed)


@dataclass(frozen=True)
class ShownQueries:
    """Which queries a page shows.

    Attributes:
        chosen: rows for a section of their own, before the others.
        per_section: how many queries the sections of worst, median, best and random show.
        top: how many gallery images each list shows.
    """

    chosen: Sequence[int] = ()
    per_section: int = 8
    top: int = 10


USUAL_QUERIES = ShownQueries()


class Reranked(NamedTuple):
    """The same queries re-ranked, and by which parameters."""

    result: RankingResult
    parameters: str


def write_rank_lists(
    page: str | Path,
    ranked: RankedSplits,
    *,
    title: str = "Rank lists",
    shown: ShownQueries = USUAL_QUERIES,
    analysis: Analysis | None = None,
    reranked: Reranked | None = None,
    remarks: Sequence[str] = (),
    further_charts: Sequence[ChartCard] = (),
) -> Path:
    """Write the page and return its path.

    Pictures that are missing or cannot be decoded are shown as a placeholder that names the file, and counted.

    Args:
        page: the HTML file to write; its folder is made, an older file replaced.
        ranked: query, gallery and ranking.
        title: what was evaluated, such as a benchmark's name.
        shown: which queries.
        analysis: intervals, curves and scores to show besides; without it the page has the ranking alone.
        reranked: shown beside the ranking.
        remarks: further sentences about how the metrics came about.
        further_charts: shown after the others.

    Raises:
        EvaluationError: the result or the features belong to other splits, or a row is out of range.
    """
    result, sections = ranked.result, rank_list_sections(ranked, shown)
    pictures = shown_pictures(sections)
    html = rendered(
        "rank_lists.html.jinja",
        title=title,
        by="Person re-identification: every query is searched for in the gallery.",
        headlines=headlines(result, analysis),
        tables=tables(analysis, *(reranked or (None, ""))),
        charts=[*charts(result, analysis), *further_charts],
        facts=[*_facts(ranked), *remarks, *([INTERVAL_NOTE] if analysis is not None else [])],
        sections=sections,
        pictures=pictures,
        unreadable=sum(address is None for address in pictures.values()),
        score_name=score_name(result),
        max_rank=len(result.cmc),
    )
    page = Path(page)
    write_text_atomically(page, html)
    return page


def rank_list_sections(ranked: RankedSplits, shown: ShownQueries) -> list[Section]:
    """Lists of chosen, worst, median, best and random queries.

    Raises:
        EvaluationError: the result or the features belong to other splits, or a row is out of range.
    """
    worst, median, best = worst_median_best(ranked.query, ranked.result, shown.per_section)
    random = _random(ranked.result, shown.per_section)
    rows = [*shown.chosen, *worst, *median, *best, *random]
    lists = iter(rank_lists(ranked, rows, shown.top, show_left_out=True))
    kinds = [
        ("chosen", "Chosen", "The queries asked for.", shown.chosen),
        ("worst", "Worst", "Lowest average precision, one query per person where there are enough.", worst),
        ("median", "Median", "Nearest to the median average precision: what to expect.", median),
        ("best", "Best", "Highest average precision, one query per person where there are enough.", best),
        ("random", "Random", "Drawn among all queries that have a match, always the same ones.", random),
    ]
    return [
        Section(key, heading, note, [next(lists) for _ in chosen]) for key, heading, note, chosen in kinds if chosen
    ]


def shown_pictures(sections: Sequence[Section]) -> dict[Path, str | None]:
    """The picture of every file that is shown, as an address that holds it; None where it cannot be read."""
    lists = [each for section in sections for each in section.lists]
    files = {picture.file for each in lists for picture in (each.query, *(listed.picture for listed in each.listed))}
    found = {file: thumbnail(file) for file in files}
    return {file: None if small is None else data_uri(small) for file, small in found.items()}


def score_name(result: RankingResult) -> str:
    """What the numbers below pictures are."""
    return "cosine" if result.metric == "cosine" else "distance"


def _random(result: RankingResult, count: int) -> list[int]:
    """Valid query rows drawn with a fixed seed, ascending."""
    valid = np.flatnonzero(result.valid)
    drawn = np.random.default_rng(0).choice(valid, min(count, valid.size), replace=False)
    return [int(row) for row in np.sort(drawn)]


def _facts(ranked: RankedSplits) -> list[str]:
    """What was compared and by which rule, one short sentence each."""
    query, gallery, result = ranked.query, ranked.gallery, ranked.result
    without = len(result.valid) - result.valid_queries
    skipped = f"; {without:,} have no match in the gallery and count in no mean" if without else ""
    junk = f", {result.junk:,} of them junk and left out" if result.junk else ""
    rule = (
        "Images of the query's own person and camera are left out of its ranking."
        if result.camera_rule
        else "Cameras are unknown or not used: images of the query's own camera count."
    )
    ties = (
        ["Figures are expected values over all orders of equally far images; lists and ranks are in gallery order."]
        if result.ties == "expected"
        else []
    )
    ap = "mean of the precision at each match" if result.ap == "step" else "trapezoids under the precision-recall curve"
    return [
        f"{result.valid_queries:,} valid queries of {len(result.valid):,}{skipped}.",
        f"{len(gallery):,} gallery images{junk}.",
        f"Images are in {' and '.join(dict.fromkeys(str(split.root) for split in (query, gallery)))}.",
        rule,
        f"Compared by {'cosine similarity' if result.metric == 'cosine' else 'Euclidean distance'}; AP is the {ap}.",
        *ties,
    ]
