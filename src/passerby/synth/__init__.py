"""An embedded world: people, crops, tracklets and videos drawn from nothing but a seed, with the truth about each."""

from passerby.synth.contact_sheet import write_contact_sheet
from passerby.synth.market import write_market
from passerby.synth.tracker import TrackerNoise
from passerby.synth.tracklets import write_tracklets
from passerby.synth.videos import write_videos

__all__ = ["TrackerNoise", "write_contact_sheet", "write_market", "write_tracklets", "write_videos"]
