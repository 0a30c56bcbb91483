"""A `passerby` command in a process of its own, on one thread, with its CPU time kept beside what it wrote."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

COST = "cost.json"


def run_measured(out: Path, arguments: list[str]) -> None:
    """Run `passerby ARGUMENTS`, which makes the run directory `out`, unless that has been done.

    A training that was cut off goes on; its cost, which then lacks what came before, says so.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    if (out / COST).is_file():
        return
    resumed = arguments[0] == "train" and (out / "recipe.yaml").is_file()
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run_passerby(["train", "--resume", str(out)] if resumed else arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    cost = {"cpu_seconds": cpu, "wall_seconds": time.monotonic() - begun, "resumed": resumed}
    (out / COST).write_text(json.dumps(cost) + "\n")


def run_passerby(arguments: list[str], *, stdout: int | None = None) -> str:
    """Run a `passerby` command on one thread; returns what it printed, if `stdout` is `subprocess.PIPE`.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    command = [sys.executable, "-m", "passerby", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, check=True, env=environment, stdout=stdout, text=True).stdout or ""


def cpu_minutes(out: Path) -> float:
    """What `run_measured` kept."""
    return float(json.loads((out / COST).read_text())["cpu_seconds"]) / 60


def figures_of(out: Path) -> dict[str, Any]:
    """The figures of a run's own evaluation, on its only data set."""
    figures: dict[str, Any] = next(iter(json.loads((out / "metrics.json").read_text()).values()))
    return figures


def folder_name(row: str) -> str:
    """A row's name as the name of a folder."""
    return "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in row)
