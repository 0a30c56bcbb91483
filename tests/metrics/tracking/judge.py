"""Writes golden.json: what trackeval 1.3.0 says of the cases.

    python -m venv JUDGE && JUDGE/bin/pip install trackeval==1.3.0
    JUDGE/bin/python tests/metrics/tracking/judge.py

It has an environment of its own because it installs another OpenCV.
"""

import contextlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import trackeval
from cases import CASES, TOGETHER, Case

WANTED = {
    "HOTA": ("HOTA", "DetA", "AssA", "LocA", "DetRe", "DetPr", "AssRe", "AssPr"),
    "Identity": ("IDF1", "IDP", "IDR", "IDTP", "IDFN", "IDFP"),
    "CLEAR": ("MOTA", "MOTP", "CLR_TP", "CLR_FN", "CLR_FP", "IDSW", "Frag", "MT", "ML"),
}


def write(folder: Path, name: str, case: Case) -> None:
    """One sequence in MOTChallenge's layout."""
    truth, result = folder / "gt" / name / "gt", folder / "trackers" / "ours" / "data"
    truth.mkdir(parents=True)
    result.mkdir(parents=True, exist_ok=True)
    rows = np.column_stack([case.truth, np.ones(len(case.truth))])
    np.savetxt(truth / "gt.txt", rows, delimiter=",", fmt="%d,%d,%.2f,%.2f,%.2f,%.2f,%d,%d,%d")
    rows = np.column_stack([case.result, np.full((len(case.result), 4), [1, -1, -1, -1])])
    np.savetxt(result / f"{name}.txt", rows, delimiter=",", fmt="%d,%d,%.2f,%.2f,%.2f,%.2f,%d,%d,%d,%d")


def judged(folder: Path, rules: str, names: list[str]) -> dict[str, dict[str, float]]:
    """The figures of each sequence, and of all together as `COMBINED_SEQ`."""
    evaluator = trackeval.Evaluator(
        {"PRINT_RESULTS": False, "PRINT_CONFIG": False, "TIME_PROGRESS": False, "OUTPUT_SUMMARY": False}
        | {"OUTPUT_DETAILED": False, "PLOT_CURVES": False, "OUTPUT_EMPTY_CLASSES": False, "BREAK_ON_ERROR": True}
    )
    data = trackeval.datasets.MotChallenge2DBox(
        {"GT_FOLDER": str(folder / "gt"), "TRACKERS_FOLDER": str(folder / "trackers"), "BENCHMARK": rules}
        | {"SEQ_INFO": {name: CASES[name].frames for name in names}, "SKIP_SPLIT_FOL": True, "PRINT_CONFIG": False}
    )
    metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR({"PRINT_CONFIG": False})]
    metrics.append(trackeval.metrics.Identity({"PRINT_CONFIG": False}))
    with contextlib.redirect_stdout(io.StringIO()):
        results, _ = evaluator.evaluate([data], metrics)
    sequences = results["MotChallenge2DBox"]["ours"]
    return {
        name: {key: float(np.mean(found["pedestrian"][metric][key])) for metric, keys in WANTED.items() for key in keys}
        for name, found in sequences.items()
    }


golden: dict[str, dict[str, float]] = {}
for rules in ("MOT15", "MOT16", "MOT17", "MOT20"):
    names = [name for name, case in CASES.items() if case.rules == rules]
    with tempfile.TemporaryDirectory() as temporary:
        for name in names:
            write(Path(temporary), name, CASES[name])
        found = judged(Path(temporary), rules, names)
    golden |= {name: found[name] for name in names}
    if rules in TOGETHER:
        golden[f"{rules} together"] = found["COMBINED_SEQ"]
Path(__file__).with_name("golden.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
