"""Sequences in MOTChallenge's layout, of drawn people, with their truth."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import pyarrow as pa
import pyarrow.parquet as pq

from passerby.video.frame import Frame
from tests.video.collection.drawn import HEIGHT, WIDTH, ReadsBoxes, walk


def write_sequence(folder: Path, count: int, *, frames: Iterable[Frame] | None = None) -> Path:
    """Write `count` frames of people who walk, `seqinfo.ini` and `gt/gt.txt`."""
    (folder / "img1").mkdir(parents=True)
    (folder / "gt").mkdir()
    rows = []
    for frame in frames or walk(count):
        file = folder / "img1" / f"{frame.number + 1:06d}.png"
        cv2.imwrite(str(file), cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
        for person, (left, top, right, bottom) in enumerate(ReadsBoxes().detect([frame.image])[0].boxes.tolist()):
            rows.append(f"{frame.number + 1},{person + 1},{left},{top},{right - left},{bottom - top},1,1,1\n")
    (folder / "gt" / "gt.txt").write_text("".join(rows))
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate=25\nseqLength={count}\nimWidth={WIDTH}\n"
        f"imHeight={HEIGHT}\nimExt=.png\n"
    )
    return folder


def read(file: Path) -> pa.Table:
    return pq.read_table(file)


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder by name."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }
