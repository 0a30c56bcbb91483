"""Settings of tracklets and crops: the keys of `--set tracklets.KEY=VALUE` and `--set crops.KEY=VALUE`."""

from pydantic import Field

from passerby.recipe_section import NotNegative, Probability, Section


class TrackletOptions(Section):
    """Which tracks are worth keeping."""

    min_boxes: int = Field(default=3, ge=1)
    """Tracks that were seen in fewer frames are dropped."""
    min_seconds: NotNegative = 0.2
    """Tracks that were seen for less long are dropped."""
    min_height: NotNegative = 32.0
    """Tracks whose largest box is less high, in pixels, are dropped."""
    min_score: Probability = 0.0
    """Tracks whose detections score less on average are dropped."""
    cut_at_overlap: float | None = Field(default=0.65, gt=0, le=1)
    """Tracks whose boxes overlapped by as much are cut where they part: they may have been mixed up. null: never."""
    cut_unseen: NotNegative | None = 0.2
    """A track unseen for more seconds is cut there. null: never."""
    cut_unseen_overlap: Probability = 0.0
    """Whoever was unseen is cut only if their box overlapped another track's by as much just before or after."""


class CropOptions(Section):
    """Which crops are kept of a tracklet, and how."""

    count: int = Field(default=8, ge=1, le=256)
    """Most crops of a tracklet."""
    margin: float = Field(default=0.1, ge=0, le=1)
    """Share of a box's size that is cut with it on each side, as far as the frame reaches."""
    jpeg_quality: int = Field(default=95, ge=1, le=100)
    """Quality of the JPEG files."""
    min_quality: Probability = 0.5
    """Crops with less than this share of the best one's quality are left out."""
    occluder_score: Probability = 0.4
    """Detections of at least this score are taken to hide who is behind them."""
