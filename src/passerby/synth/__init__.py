"""An embedded world: people, cameras and crops drawn from nothing but a seed, with the truth about each."""

from passerby.synth.market import write_market

__all__ = ["write_market"]
