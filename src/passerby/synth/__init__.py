"""A synthetic world: people, crops, tracklets and videos drawn from a seed, with ground truth."""

from passerby.synth.look import LOOKS, Look
from passerby.synth.output.contact_sheet import contact_sheet, write_contact_sheet
from passerby.synth.output.market import write_market
from passerby.synth.output.output_folder import holds_world
from passerby.synth.output.pair_drawing import Drawers, draw_pairs
from passerby.synth.output.pairs import Pair, Pairs
from passerby.synth.output.tracker import TrackerNoise
from passerby.synth.output.tracklets import write_tracklets
from passerby.synth.output.videos import write_videos
from passerby.synth.places.world import World
from passerby.synth.words.vocabulary import caption_words

__all__ = [
    "LOOKS",
    "Drawers",
    "Look",
    "Pair",
    "Pairs",
    "TrackerNoise",
    "World",
    "caption_words",
    "contact_sheet",
    "draw_pairs",
    "holds_world",
    "write_contact_sheet",
    "write_market",
    "write_tracklets",
    "write_videos",
]
