"""A synthetic world: people, crops, tracklets and videos drawn from a seed, with ground truth."""

from passerby.synth.output.contact_sheet import write_contact_sheet
from passerby.synth.output.market import write_market
from passerby.synth.output.tracker import TrackerNoise
from passerby.synth.output.tracklets import write_tracklets
from passerby.synth.output.videos import write_videos

__all__ = ["TrackerNoise", "write_contact_sheet", "write_market", "write_tracklets", "write_videos"]
