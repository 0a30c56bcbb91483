"""The settings of `passerby track`: the keys of `--set`, those of the chosen tracker among them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, create_model

from passerby.config import assign_settings, check_settings
from passerby.recipe_section import NotNegative, Positive, Probability, Section
from passerby.video.collection import CropOptions, TrackletOptions
from passerby.video.tracking import TrackerOptions, find_tracker


class DetectorSettings(Section):
    """How people are looked for."""

    threshold: Probability = 0.1
    """Detections that score less are not looked at; trackers make use of unsure ones, too."""
    least_height: NotNegative = 0.0
    """Detections less high are not looked at, in pixels."""
    tile: int | None = Field(default=None, ge=64)
    """Look at tiles of so many pixels besides the whole frame, for small people on large frames; none: no tiles."""


class ReadingSettings(Section):
    """How sources are read."""

    timeout: Positive = 10.0
    """Seconds that a source may take to open and to send the next frame."""
    seconds: Positive | None = None
    """Look at so many seconds of each source only; none: at all of it."""
    give_up_after: Positive | None = None
    """Seconds for which a stream that is gone is tried again; none: for ever."""
    damage_limit: Probability = 0.1
    """Share of damaged or missing frames above which the command ends with an error, after it has done its work."""
    start_pattern: str | None = None
    """Form of the time in file names, such as %Y%m%d_%H%M%S."""
    time_zone: str | None = None
    """Time zone of times that name none, such as Europe/Berlin."""
    frame_rate: Positive | None = None
    """Pictures a second, for folders of pictures that do not say."""


class JoinSettings(Section):
    """How fragments of a video are joined."""

    distance: float | None = Field(default=None, gt=0, lt=2)
    """Cosine distance up to which two fragments are one person; none: calibrated on the fragments."""


class TruthSettings(Section):
    """How tracks are compared with a ground truth."""

    rules: Literal["MOT15", "MOT16", "MOT17", "MOT20"] = "MOT17"
    """Whose rules say what is ignored; a truth without classes is MOT15's."""


class TrackingSettings(Section):
    """All settings of `passerby track`."""

    reading: ReadingSettings = ReadingSettings()
    detector: DetectorSettings = DetectorSettings()
    tracker: TrackerOptions = TrackerOptions()
    tracklets: TrackletOptions = TrackletOptions()
    crops: CropOptions = CropOptions()
    join: JoinSettings = JoinSettings()
    truth: TruthSettings = TruthSettings()


def settings_schema(tracker: str) -> type[TrackingSettings]:
    """The settings with those of a tracker.

    Raises:
        RecipeError: no such tracker.
    """
    schema = find_tracker(tracker).schema
    made: type[TrackingSettings] = create_model(
        "TrackingSettings", __base__=TrackingSettings, tracker=(schema, schema())
    )
    return made


def check_tracking_settings(
    tracker: str, settings: TrackingSettings | Mapping[str, Any] | Sequence[str] | None
) -> TrackingSettings:
    """Settings from `key=value` texts or from a mapping of sections.

    Raises:
        RecipeError: no such tracker, an unknown key, or a value that does not fit.
    """
    if isinstance(settings, TrackingSettings):
        settings = settings.model_dump(serialize_as_any=True)
    if not isinstance(settings, Mapping):
        settings = assign_settings({}, settings or ())
    checked = check_settings(settings_schema(tracker), settings)
    # Of the class that other processes know by name.
    return TrackingSettings.model_construct(**{name: getattr(checked, name) for name in TrackingSettings.model_fields})
