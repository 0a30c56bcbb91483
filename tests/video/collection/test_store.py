"""Detections and tracks on disk: what is there is not done again, and comes out the same."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from passerby.errors import DataError
from passerby.video.collection import Collector, follow
from passerby.video.collection.detection_store import FRAMES_PER_FILE, DetectedFrame, DetectionStore
from passerby.video.collection.parts import PartWriter, read_parts
from passerby.video.detection.detector import Detections
from passerby.video.tracking import make_tracker
from tests.video.collection.drawn import ReadsBoxes, walk

COUNT = FRAMES_PER_FILE + 50


def work(folder: Path, *, stop_after: int = COUNT) -> int:
    """Follow people until some frame; returns how many frames the detector saw."""
    detector, collector, parts = ReadsBoxes(), Collector("yard", patience=1.5), PartWriter(folder)
    store, tracker = DetectionStore(folder), make_tracker("bytetrack")
    for number, each in enumerate(follow(walk(COUNT), detector, tracker, collector, store=store)):
        if number == stop_after:
            return detector.asked
        for ended in each.ended:
            parts.add(ended)
    for ended in collector.break_off(tracker.break_off()):
        parts.add(ended)
    parts.flush()
    return detector.asked


def test_what_was_detected_before_an_interruption_is_not_detected_again(tmp_path: Path) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    assert work(whole) == COUNT
    assert work(halves, stop_after=FRAMES_PER_FILE + 10) == FRAMES_PER_FILE + 11
    assert work(halves) == COUNT - FRAMES_PER_FILE
    names = [file.name for file in sorted(whole.iterdir())]
    assert names == [file.name for file in sorted(halves.iterdir())]
    assert all((whole / name).read_bytes() == (halves / name).read_bytes() for name in names)


def test_a_damaged_file_of_detections_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work(tmp_path, stop_after=FRAMES_PER_FILE + 1)
    file = tmp_path / "detections-000000.npz"
    good = file.read_bytes()
    file.write_bytes(good[:-100])
    assert work(tmp_path) == COUNT
    assert file.read_bytes() == good
    assert "detections-000000.npz is damaged" in capsys.readouterr().err


def test_detections_of_other_frames_are_refused(tmp_path: Path) -> None:
    work(tmp_path, stop_after=FRAMES_PER_FILE + 1)
    with pytest.raises(DataError, match="in place of 7: the source has changed, begin anew with --replace"):
        DetectionStore(tmp_path).get(0, 7)


def test_features_come_back_as_they_were(tmp_path: Path) -> None:
    generator, store, frames = np.random.default_rng(0), DetectionStore(tmp_path), []
    for index in range(FRAMES_PER_FILE):
        count = index % 3
        found = Detections(generator.random((count, 4), np.float32), generator.random(count, np.float32))
        frames.append(DetectedFrame(2 * index, found, generator.random((count, 5), np.float32)))
        store.add(index, frames[-1])
    again = DetectionStore(tmp_path)
    for index, frame in enumerate(frames):
        read = again.get(index, frame.number)
        assert read is not None
        assert read.features is not None
        assert frame.features is not None
        assert np.array_equal(read.features, frame.features)
        assert np.array_equal(read.detections.boxes, frame.detections.boxes)
        assert np.array_equal(read.detections.scores, frame.detections.scores)
    assert again.get(FRAMES_PER_FILE, 0) is None


def test_parts_hold_the_rows_of_a_track_together(tmp_path: Path) -> None:
    work(tmp_path)
    (part,) = read_parts(tmp_path)
    tracks = part["track"].to_pylist()
    changes = sum(before != after for before, after in pairwise(tracks))
    assert changes == len(set(tracks)) - 1
    assert part["jpeg"].null_count < part.num_rows


def test_a_damaged_part_is_refused_by_name(tmp_path: Path) -> None:
    work(tmp_path)
    file = tmp_path / "tracks-000000.parquet"
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(DataError, match=r"tracks-000000\.parquet is damaged"):
        list(read_parts(tmp_path))
