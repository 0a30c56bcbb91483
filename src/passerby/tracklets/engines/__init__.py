"""Where denoising is computed: in memory, in files, or on Ray."""

from passerby.tracklets.engines.in_files import Engine, FileWork
from passerby.tracklets.engines.in_memory import MemoryWork, Work
from passerby.tracklets.engines.steps import Inputs, first_inputs

__all__ = ["Engine", "FileWork", "Inputs", "MemoryWork", "Work", "first_inputs"]
