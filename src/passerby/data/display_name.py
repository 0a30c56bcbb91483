"""How data sets are called in reports."""

from pathlib import Path

from passerby.data.benchmarks import BENCHMARKS


def display_name(name: str) -> str:
    """A benchmark's name as it is; of a table or folder, which is named by its path, the last part of that."""
    return name if name in BENCHMARKS else Path(name).resolve().name or name
