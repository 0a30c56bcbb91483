"""What can be chosen when tracklets are turned into identities."""

from dataclasses import dataclass
from typing import Literal

from passerby.errors import DataError

Linkage = Literal["closure", "mutual", "average"]
Search = Literal["range", "neighbours"]
Oversize = Literal["refuse", "split", "keep"]

ALL_LEVELS = (1, 2, 3)


@dataclass(frozen=True)
class DenoisingOptions:
    """The defaults are the paper's where it gives one; other feature extractors need other thresholds (calibration).

    Attributes:
        sigma_consistency: cosine distance from which a sample does not belong to its tracklet (the paper's 0.2).
        sigma_discrimination: cosine distance up to which two tracklets are one person (the paper's 0.18).
        sigma_reallocation: cosine distance below which level 2 moves an excluded sample to another tracklet; None for
            sigma_consistency, as in the paper. A sample meets all tracklets of its video, so one of them is near by
            chance, and a smaller value moves fewer samples to the wrong person.
        half_width: how many tracklets after a tracklet it is compared with at level 3 (the paper's r_s = 1000).
        center: whether the mean of all features is subtracted before anything is compared. Networks often leave all
            features in a narrow cone, where distances tell little; the paper does not do this.
        levels: which of the levels 1, 2 and 3 are carried out.
        centroids: whether the centroids to which level 2 re-allocates stay as level 1 left them (`static`, where order
            does not matter) or follow every sample added (`running`).
        linkage: how links become identities. `closure`: connected components, the paper's, which chains. `mutual`:
            components of the links that are among the `neighbours` nearest of both ends. `average`: average linkage
            inside of each component.
        search: which tracklets are compared at level 3: those within `half_width` (`range`), or each one's nearest
            `neighbours` wherever they are (`neighbours`, needs faiss), for videos without a meaningful order.
        neighbours: how many neighbours `mutual` and `neighbours` look at.
        exclusive: whether tracklets of one video that overlap in time are kept apart: they cannot be one person.
            A tracklet lasts from the first to the last sample that level 1 left in it.
        max_component: how many tracklets an identity may join at level 3 before it is taken for a chain; None for a
            twentieth of all tracklets, at least 100 and at most 1000.
        oversize: what becomes of larger components: `refuse` is an error, `split` cuts their longest links, `keep`
            leaves them. Components of more than 4,096 that average linkage or `exclusive` has to look into are always
            cut to that size first, and counted.
        min_images: identities with fewer images are dropped.
        measure_noise: whether the paper's noise measure is taken at each stage; it costs another pass over the
            features and a comparison like level 3's for each stage.
    """

    sigma_consistency: float = 0.2
    sigma_discrimination: float = 0.18
    sigma_reallocation: float | None = None
    half_width: int = 1000
    center: bool = False
    levels: tuple[int, ...] = ALL_LEVELS
    centroids: Literal["static", "running"] = "static"
    linkage: Linkage = "closure"
    search: Search = "range"
    neighbours: int = 10
    exclusive: bool = False
    max_component: int | None = None
    oversize: Oversize = "refuse"
    min_images: int = 1
    measure_noise: bool = True

    def __post_init__(self) -> None:
        for name in ("sigma_consistency", "sigma_discrimination", "sigma_reallocation"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 2:
                raise DataError(f"{name} is a cosine distance between 0 and 2, not {value}")
        for name in ("half_width", "neighbours", "min_images"):
            if getattr(self, name) < 1:
                raise DataError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.max_component is not None and self.max_component < 2:
            raise DataError(f"max_component must be at least 2, not {self.max_component}")
        if not set(self.levels) <= set(ALL_LEVELS) or len(set(self.levels)) < len(self.levels):
            raise DataError(f"levels must be some of 1, 2 and 3, each once, not {list(self.levels)}")
        choices = {
            "centroids": ("static", "running"),
            "linkage": ("closure", "mutual", "average"),
            "search": ("range", "neighbours"),
            "oversize": ("refuse", "split", "keep"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise DataError(f"{name} is {getattr(self, name)!r}: use {', '.join(known)}")

    def component_bound(self, tracklets: int) -> int:
        """How many of this many tracklets one identity may join."""
        return self.max_component or min(1000, max(100, tracklets // 20))
