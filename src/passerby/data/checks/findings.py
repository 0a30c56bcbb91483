"""Results of inspecting a data set: problems, remarks, and counts of each split."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from passerby.data.benchmarks.public_benchmark import Counts

Severity = Literal["problem", "remark"]


@dataclass(frozen=True)
class Finding:
    """A problem or a remark about a data set.

    Attributes:
        kind: a short name for machines, such as `unreadable`.
        severity: a `problem` makes numbers wrong; a `remark` does not.
        message: one line for people.
        count: how many images, identities or queries are meant.
        examples: the first few of them, by name.
    """

    kind: str
    severity: Severity
    message: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class SplitSummary:
    """Folder, counts and published counts (None where there are none) of one split."""

    part: str
    location: Path
    counts: Counts
    published: Counts | None


@dataclass(frozen=True)
class Inspection:
    """The result of `inspect_data`."""

    name: str
    splits: tuple[SplitSummary, ...]
    findings: tuple[Finding, ...]
    decoded: bool

    @property
    def sound(self) -> bool:
        """Whether there is no problem, remarks aside."""
        return all(finding.severity != "problem" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The same as plain dictionaries, lists, strings and numbers."""
        return {
            "name": self.name,
            "sound": self.sound,
            "decoded": self.decoded,
            "splits": [
                {
                    "split": summary.part,
                    "location": str(summary.location),
                    "counts": summary.counts._asdict(),
                    "published": None if summary.published is None else summary.published._asdict(),
                }
                for summary in self.splits
            ],
            "findings": [asdict(finding) for finding in self.findings],
        }
