"""A page that shows an evaluation: the figures, and rank lists of the worst, median and best queries.

One file that needs neither network nor script: pictures are inside it, the sections are switched by the style sheet.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from passerby.atomic_files import write_text_atomically
from passerby.data.split import Split
from passerby.metrics.ranking import RankingResult
from passerby.report.charts import cmc_chart, precision_chart
from passerby.report.rank_list import RankList, rank_lists, worst_median_best
from passerby.report.thumbnail import data_uri, thumbnail


class Section(NamedTuple):
    """One of the page's sections: a heading, what it says about its lists, and the lists."""

    key: str
    heading: str
    note: str
    lists: list[RankList]


def write_rank_lists(
    page: str | Path,
    query: Split,
    gallery: Split,
    query_features: Any,
    gallery_features: Any,
    result: RankingResult,
    *,
    title: str = "Rank lists",
    queries: Sequence[int] = (),
    per_section: int = 8,
    top: int = 10,
) -> Path:
    """Write the page and return its path.

    Pictures that are missing or cannot be decoded are shown as a placeholder that names the file, and counted.

    Args:
        page: the HTML file to write; its folder is made, an older file replaced.
        query: the Q images searched for.
        gallery: the G images searched in.
        query_features: float [Q, D], array or tensor.
        gallery_features: float [G, D].
        result: of `rank` on the same features and labels; its metric and camera rule are used.
        title: what was evaluated, such as a benchmark's name.
        queries: query rows to show in a section of their own, before the others.
        per_section: how many queries the sections of worst, median and best show.
        top: how many gallery images each list shows.

    Raises:
        EvaluationError: `result` or the features belong to other splits, or a row is out of range.
    """
    sections = _sections(query, gallery, query_features, gallery_features, result, queries, per_section, top)
    pictures = {}
    for shown in {picture.file for section in sections for each in section.lists for picture in _pictures(each)}:
        small = thumbnail(shown)
        pictures[shown] = None if small is None else data_uri(small)
    environment = Environment(
        loader=PackageLoader("passerby.report", "templates"), autoescape=True, undefined=StrictUndefined
    )
    html = environment.get_template("rank_lists.html.jinja").render(
        title=title,
        figures=_figures(result),
        facts=_facts(gallery, result),
        cmc_chart=Markup(cmc_chart(result.cmc)),
        precision_chart=Markup(precision_chart(result.average_precision)),
        sections=sections,
        pictures=pictures,
        unreadable=sum(address is None for address in pictures.values()),
        score_name="cosine" if result.metric == "cosine" else "distance",
        max_rank=len(result.cmc),
    )
    page = Path(page)
    write_text_atomically(page, html)
    return page


def _sections(
    query: Split,
    gallery: Split,
    query_features: Any,
    gallery_features: Any,
    result: RankingResult,
    queries: Sequence[int],
    per_section: int,
    top: int,
) -> list[Section]:
    worst, median, best = worst_median_best(query, result, per_section)
    rows = [*queries, *worst, *median, *best]
    lists = iter(rank_lists(query, gallery, query_features, gallery_features, result, rows, top))
    kinds = [
        ("chosen", "Chosen", "The queries asked for.", queries),
        ("worst", "Worst", "Lowest average precision, one query per person where there are enough.", worst),
        ("median", "Median", "Nearest to the median average precision: what to expect.", median),
        ("best", "Best", "Highest average precision, one query per person where there are enough.", best),
    ]
    return [
        Section(key, heading, note, [next(lists) for _ in chosen]) for key, heading, note, chosen in kinds if chosen
    ]


def _pictures(shown: RankList) -> list[Any]:
    return [shown.query, *(listed.picture for listed in shown.listed)]


def _figures(result: RankingResult) -> list[tuple[str, str, str]]:
    """Name, value in percent and meaning of each headline figure."""
    ranks = [
        (f"rank-{k}", f"{100 * result.rank_at(k):.1f}", f"queries with a match among the first {k}" if k > 1 else
         "queries whose nearest image is right")
        for k in (1, 5, 10)
        if k <= len(result.cmc)
    ]  # fmt: skip
    return [
        ("mAP", f"{100 * result.mAP:.1f}", "mean average precision"),
        *ranks,
        ("mINP", f"{100 * result.mINP:.1f}", "matches / rank of the last match"),
    ]


def _facts(gallery: Split, result: RankingResult) -> list[str]:
    """What was compared and by which rule, one short sentence each."""
    without = len(result.valid) - result.valid_queries
    skipped = f"; {without:,} have no match in the gallery and count in no mean" if without else ""
    junk = f", {result.junk:,} of them junk and left out" if result.junk else ""
    rule = (
        "Images of the query's own person and camera are left out of its ranking."
        if result.camera_rule
        else "Cameras are unknown or not used: images of the query's own camera count."
    )
    ap = "mean of the precision at each match" if result.ap == "step" else "trapezoids under the precision-recall curve"
    return [
        f"{result.valid_queries:,} valid queries of {len(result.valid):,}{skipped}.",
        f"{len(gallery):,} gallery images{junk}.",
        rule,
        f"Compared by {'cosine similarity' if result.metric == 'cosine' else 'Euclidean distance'}; AP is the {ap}.",
    ]
