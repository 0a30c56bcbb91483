"""Trackers by name. A new one is one file and one line here."""

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from passerby.config import check_settings
from passerby.errors import RecipeError
from passerby.video.tracking.online import OnlineTracker
from passerby.video.tracking.options import TrackerOptions

TRACKERS = {
    "bytetrack": "passerby.video.tracking.bytetrack:ByteTrack",
    "ocsort": "passerby.video.tracking.ocsort:OcSort",
    "botsort": "passerby.video.tracking.botsort:BotSort",
}
"""Name → `module:class`; the first is the default."""


def find_tracker(name: str) -> type[OnlineTracker[Any]]:
    """The class of a tracker; its settings are those of its `schema`.

    Raises:
        RecipeError: no such tracker.
    """
    if name not in TRACKERS:
        near = difflib.get_close_matches(name, TRACKERS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known trackers: {', '.join(TRACKERS)}"
        raise RecipeError(f"tracker: unknown name {name!r}; {hint}")
    module, _, attribute = TRACKERS[name].partition(":")
    tracker: type[OnlineTracker[Any]] = getattr(import_module(module), attribute)
    return tracker


def make_tracker(name: str, settings: Mapping[str, Any] | TrackerOptions | None = None) -> OnlineTracker[Any]:
    """A tracker for one source.

    Args:
        name: a key of `TRACKERS`.
        settings: values by key of the tracker's `schema`, or the checked options; None: its defaults.

    Raises:
        RecipeError: no such tracker, an unknown key, or a value out of range.
    """
    tracker = find_tracker(name)
    if not isinstance(settings, TrackerOptions):
        settings = check_settings(tracker.schema, settings or {})
    return tracker(settings)
