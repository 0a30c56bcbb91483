"""The options of denoising and of calibration, with the paper's values as defaults."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from passerby.config import Positive, Section

Linkage = Literal["closure", "mutual", "average"]
Search = Literal["range", "neighbours"]
Oversize = Literal["refuse", "split", "keep"]
Level = Literal[1, 2, 3]

CosineDistance = Annotated[float, Field(gt=0, lt=2)]


class DenoisingOptions(Section):
    """Options of denoising; the paper's thresholds are for its own features, calibration proposes others."""

    sigma_consistency: CosineDistance = 0.2
    """Cosine distance from which a sample does not belong to its tracklet (the paper's 0.2)."""
    sigma_discrimination: CosineDistance = 0.18
    """Cosine distance up to which two tracklets are one person (the paper's 0.18)."""
    sigma_reallocation: CosineDistance | None = None
    """Level 2 moves an excluded sample to a tracklet nearer than this; none: sigma_consistency (the paper)."""
    half_width: int = Field(default=1000, ge=1)
    """Level 3 compares a tracklet with so many after it (the paper's r_s)."""
    center: bool = False
    """Subtract the mean of all features first, where they lie in a narrow cone; the paper does not."""
    levels: tuple[Level, ...] = (1, 2, 3)
    """Which levels are carried out."""
    centroids: Literal["static", "running"] = "static"
    """Centroids at level 2: as level 1 left them, or following each sample re-allocated."""
    linkage: Linkage = "closure"
    """How links become identities: all (the paper, chains), those among both ends' nearest, or average linkage."""
    search: Search = "range"
    """Level 3 compares within half_width, or with nearest neighbours anywhere (needs faiss)."""
    neighbours: int = Field(default=10, ge=1)
    """How many neighbours linkage=mutual and search=neighbours look at."""
    exclusive: bool = False
    """Keep tracklets of one video that overlap in time apart: they cannot be one person."""
    max_component: int | None = Field(default=None, ge=2)
    """Most tracklets an identity may join; none: a twentieth of all, at least 100 and at most 1000."""
    oversize: Oversize = "refuse"
    """Larger components end the command, are split at their longest links, or are kept."""
    min_images: int = Field(default=1, ge=1)
    """Drop identities with fewer images."""
    measure_noise: bool = True
    """Measure the paper's noise after each level, at the cost of another pass for each."""

    @field_validator("levels")
    @classmethod
    def _refuse_repeated_levels(cls, levels: tuple[Level, ...]) -> tuple[Level, ...]:
        if len(set(levels)) < len(levels):
            raise ValueError("must name each level once")
        return levels

    def component_bound(self, tracklets: int) -> int:
        """How many of this many tracklets one identity may join."""
        return self.max_component or min(1000, max(100, tracklets // 20))


class CalibrationOptions(Section):
    """Options of calibration."""

    half_width: int = Field(default=1000, ge=1)
    """The range of level 3 that is going to be used."""
    linkage: Linkage = "closure"
    """The linkage that is going to be used."""
    false_links: Positive | None = None
    """Wrong links allowed for a tracklet, on average; none: 0.05, 0.2 or 1, by linkage."""
    center: bool = False
    """Subtract the mean of all features first, where they lie in a narrow cone."""
