"""Names of data sets in reports."""

from pathlib import Path

from passerby.data.benchmarks import BENCHMARKS


def display_name(name: str) -> str:
    """The name of a benchmark, or the last part of the path of a table or folder."""
    return name if name in BENCHMARKS else Path(name).resolve().name or name
