"""What became of the frames of a source: counts for reports and for the limit on damage."""

from dataclasses import dataclass

from passerby.errors import DataError

DAMAGE_LIMIT = 0.1
"""The share of damaged frames above which a source counts as not read, by default."""


@dataclass(frozen=True)
class SourceSummary:
    """Counts of a source, so far or at its end.

    Attributes:
        name: of the source, as messages show it; without a password.
        frames_read: frames that were decoded, analysed or not.
        frames_analysed: frames that were handed out.
        frames_damaged: frames of which the decoder said that they are damaged, and pictures that cannot be read.
        frames_missing: frames that the container announces and does not hold, as at the end of a truncated file.
        repaired_times: time stamps that were missing or did not grow, and were replaced.
        discontinuities: places where something longer is missing.
        duration: seconds from the first frame to the last.
        frames_dropped: of a stream, analysed frames that came faster than they were taken.
        reconnections: of a stream, how often it was opened anew.
    """

    name: str
    frames_read: int = 0
    frames_analysed: int = 0
    frames_damaged: int = 0
    frames_missing: int = 0
    repaired_times: int = 0
    discontinuities: int = 0
    duration: float = 0.0
    frames_dropped: int = 0
    reconnections: int = 0

    @property
    def damaged_share(self) -> float:
        """The share of the frames that should be there and are damaged or missing, between 0 and 1."""
        announced = self.frames_read + self.frames_missing
        return min(1.0, (self.frames_damaged + self.frames_missing) / announced) if announced else 0.0


def check_damage(summary: SourceSummary, limit: float = DAMAGE_LIMIT) -> None:
    """Check that a source that was read to its end was not damaged beyond a limit.

    Raises:
        DataError: its damaged share is above the limit.
    """
    if summary.damaged_share > limit:
        raise DataError(
            f"{summary.name}: {summary.damaged_share:.1%} of its frames are damaged or missing "
            f"({summary.frames_damaged:,} damaged, {summary.frames_missing:,} missing), more than the limit of "
            f"{limit:.1%}: take a copy that is whole, or raise the limit"
        )
