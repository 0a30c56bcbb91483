"""An embedded world: people, cameras, crops and tracklets drawn from nothing but a seed, with the truth about each."""

from passerby.synth.market import write_market
from passerby.synth.tracker import TrackerNoise
from passerby.synth.tracklets import write_tracklets

__all__ = ["TrackerNoise", "write_market", "write_tracklets"]
