"""Pages and figures, from results that others computed."""

from typing import TYPE_CHECKING

from passerby.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from passerby.report.ranking.figure import FIGURE_SUFFIXES, rank_list_figure, save_figure
    from passerby.report.ranking.page import ShownQueries, write_rank_lists
    from passerby.report.ranking.rank_list import RankedSplits, RankList, rank_lists

__all__ = [
    "FIGURE_SUFFIXES",
    "RankList",
    "RankedSplits",
    "ShownQueries",
    "rank_list_figure",
    "rank_lists",
    "save_figure",
    "write_rank_lists",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "ranking.figure": ["FIGURE_SUFFIXES", "rank_list_figure", "save_figure"],
        "ranking.page": ["ShownQueries", "write_rank_lists"],
        "ranking.rank_list": ["RankList", "RankedSplits", "rank_lists"],
    },
)
