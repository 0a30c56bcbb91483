"""Labels that stand in the paths of images, such as `{camera}/{identity}_*.jpg`."""

import re
from dataclasses import dataclass, replace

import pyarrow as pa

from passerby.data.split import Split, split_from_names
from passerby.errors import DataError

_LABELS = ("camera", "identity")
_PART = re.compile(r"\{([^{}]*)\}|(\*)|([^{}*]+)|([{}])")


@dataclass(frozen=True)
class PathPattern:
    """A pattern for the ends of paths: `{camera}` and `{identity}` stand for a label, `*` for anything, but no `/`.

    Attributes:
        text: as it was given.
        expression: finds the labels in a path.
    """

    text: str
    expression: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> "PathPattern":
        """A pattern from its text.

        Raises:
            DataError: a label that there is not, or none at all, or one that stands twice.
        """
        found, labels = "", []
        for label, star, plain, brace in _PART.findall(text):
            if brace or (not star and not plain and label not in _LABELS):
                raise DataError(f"pattern {text!r}: labels are {{camera}} and {{identity}}: write '{{camera}}/*.jpg'")
            if star or plain:
                found += "[^/]*" if star else re.escape(plain)
                continue
            if label in labels:
                raise DataError(f"pattern {text!r}: {{{label}}} stands twice: name it once")
            labels.append(label)
            found += f"(?P<{label}>[^/]+?)"
        if not labels:
            raise DataError(f"pattern {text!r}: names no label: write {{camera}} or {{identity}} where it stands")
        return cls(text, re.compile(f"(?:^|.*/){found}$"))

    def label(self, split: Split) -> Split:
        """A split with the labels that stand in its paths, in place of those that it has of that kind.

        Raises:
            DataError: a path that the pattern does not fit; the first is named.
        """
        paths = split.paths.to_pylist()
        matches = [self.expression.match((split.root / path).as_posix()) for path in paths]
        for path, match in zip(paths, matches, strict=True):
            if match is None:
                raise DataError(
                    f"{split.root / path}: does not end as the pattern {self.text!r} says: `*` stands for anything "
                    "within a name"
                )
        columns = {
            label: pa.array([match[label] for match in matches if match is not None], pa.string())
            for label in self.expression.groupindex
        }
        named = split_from_names(
            split.root, paths, columns.get("identity", pa.array(["-1"] * len(paths))), columns.get("camera")
        )
        if "identity" not in columns:
            named = replace(named, identities=split.identities, identity_names=split.identity_names)
        if "camera" not in columns:
            named = replace(named, cameras=split.cameras, camera_names=split.camera_names)
        return replace(named, tracks=split.tracks, frames=split.frames)
