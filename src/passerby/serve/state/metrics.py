"""Counts and times of requests, in the text form that Prometheus reads."""

import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STATUS = Path("/proc/self/statm")


class Metrics:
    """What a service has answered since it was started."""

    def __init__(self) -> None:
        self._begun = time.time()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._times: dict[str, list[float]] = {}
        self._refused: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.in_progress = 0

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer; `route` is a pattern, never what was asked for."""
        with self._lock:
            self._requests[method, route, status] += 1
            row = self._times.setdefault(route, [0.0] * (len(_BOUNDS) + 2))
            for place, bound in enumerate(_BOUNDS):
                row[place] += seconds <= bound
            row[-2] += 1
            row[-1] += seconds

    def refused(self, why: str) -> None:
        """Count a request that was not let in."""
        with self._lock:
            self._refused[why] += 1

    def text(self, gauges: Mapping[str, tuple[str, float]], jobs: Mapping[str, int]) -> str:
        """All of it.

        Args:
            gauges: meaning and value of what else there is, by name.
            jobs: how many are in each state.
        """
        with self._lock:
            lines = _family("passerby_requests_total", "counter", "Requests answered.")
            for (method, route, status), count in sorted(self._requests.items()):
                lines.append(f'passerby_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}')
            lines += _family("passerby_request_seconds", "histogram", "Time until a request was answered.")
            for route, row in sorted(self._times.items()):
                lines += [
                    f'passerby_request_seconds_bucket{{route="{route}",le="{bound:g}"}} {row[place]:g}'
                    for place, bound in enumerate(_BOUNDS)
                ]
                lines.append(f'passerby_request_seconds_bucket{{route="{route}",le="+Inf"}} {row[-2]:g}')
                lines.append(f'passerby_request_seconds_count{{route="{route}"}} {row[-2]:g}')
                lines.append(f'passerby_request_seconds_sum{{route="{route}"}} {row[-1]:.6f}')
            lines += _family("passerby_refused_total", "counter", "Requests that were not let in.")
            lines += [f'passerby_refused_total{{why="{why}"}} {count}' for why, count in sorted(self._refused.items())]
        lines += _family("passerby_jobs", "gauge", "Jobs by state.")
        lines += [f'passerby_jobs{{state="{state}"}} {count}' for state, count in sorted(jobs.items())]
        own = {
            "passerby_requests_in_progress": ("Requests being answered.", float(self.in_progress)),
            "process_start_time_seconds": ("When the service was started.", self._begun),
            **_memory(),
        }
        for name, (about, value) in {**own, **gauges}.items():
            lines += [*_family(name, "gauge", about), f"{name} {value:.17g}"]
        return "\n".join(lines) + "\n"


def _family(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]


def _memory() -> dict[str, tuple[str, float]]:
    """Resident memory, where the system tells it."""
    if not _STATUS.exists():
        return {}
    pages = int(_STATUS.read_text("ascii").split()[1])
    return {"process_resident_memory_bytes": ("Resident memory.", float(pages * os.sysconf("SC_PAGE_SIZE")))}
