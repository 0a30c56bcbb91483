"""Settings that all trackers have: the keys of `--set tracker.KEY=VALUE`."""

from pydantic import Field, model_validator

from passerby.errors import RecipeError
from passerby.recipe_section import Positive, Probability, Section
from passerby.video.tracking.appearance import AppearanceOptions


class TrackerOptions(Section):
    """What counts as seen, and how long somebody is waited for."""

    high: Probability = 0.6
    """Detections of at least this score are sure: they may begin tracks and find lost ones."""
    low: Probability = 0.1
    """Detections below this score are ignored; between low and high they only continue tracks."""
    new: Probability = 0.7
    """Lowest score of a detection with which a track begins."""
    sights: int = Field(default=2, ge=1)
    """Detections after which a track is believed and reported, its first ones included."""
    duplicate: Probability = 0.5
    """A detection that overlaps one of a track by more begins no track of its own."""
    buffer: Positive = 2.0
    """Seconds for which somebody who is not seen is looked for where motion leads."""

    appearance: AppearanceOptions = AppearanceOptions()
    """Who is recognised after nobody followed them."""

    @model_validator(mode="after")
    def _scores_in_order(self) -> "TrackerOptions":
        if not self.low <= self.high <= self.new:
            raise RecipeError(
                f"tracker.low, tracker.high and tracker.new must rise, not {self.low:g}, {self.high:g}, {self.new:g}"
            )
        return self
