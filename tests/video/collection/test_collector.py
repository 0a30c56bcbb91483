"""Tracks become tracklets of observed boxes, with their best crops; what is dropped says why."""

import io
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from passerby.errors import DataError
from passerby.video.collection import (
    Collector,
    CropOptions,
    DroppedTrack,
    Tracklet,
    TrackletId,
    TrackletOptions,
)
from passerby.video.collection.best_crops import BestCrops, spread_choice
from passerby.video.collection.collector import Ended, reason_to_drop
from passerby.video.collection.quality import as_jpeg, crop_quality, cut, sharpness
from passerby.video.collection.visibility import visible_fractions
from passerby.video.detection.detector import Detections
from passerby.video.frame import Frame
from passerby.video.tracking import TrackedDetections
from tests.video.collection.drawn import HEIGHT, WIDTH, ReadsBoxes, ended_tracks, picture, walk


def tracklets_of(count: int, *, gap_at: int | None = None) -> list[Ended]:
    return ended_tracks(walk(count, gap_at=gap_at), Collector("yard", patience=1.5))


def test_two_people_become_two_tracklets_of_all_their_boxes() -> None:
    found = tracklets_of(60)
    assert [str(each.id) for each in found if isinstance(each, Tracklet)] == ["yard-000001", "yard-000002"]
    for each in found:
        assert isinstance(each, Tracklet)
        assert each.frames.tolist() == list(range(60))
        assert each.times == pytest.approx(np.arange(60) / 25)
    first = found[0]
    assert isinstance(first, Tracklet)
    assert first.boxes[7].tolist() == [24.0, 20.0, 54.0, 110.0]


def test_the_crops_are_the_boxes_with_a_margin_in_the_order_of_frames() -> None:
    first = tracklets_of(60)[0]
    assert isinstance(first, Tracklet)
    assert 1 <= len(first.crops) <= 8
    assert [crop.row for crop in first.crops] == sorted({crop.row for crop in first.crops})
    for crop in first.crops:
        frame = next(frame for frame in walk(60) if frame.number == first.frames[crop.row])
        shown = np.asarray(Image.open(io.BytesIO(crop.jpeg)))
        left, top, right, bottom = first.boxes[crop.row]
        around = cut(frame.image, first.boxes[crop.row], margin=0.1)
        assert shown.shape == around.shape
        assert shown.shape[0] == min(HEIGHT, bottom + 9) - max(0, top - 9)
        assert shown.shape[1] == min(WIDTH, right + 3) - max(0, left - 3)
        assert np.corrcoef(shown.mean(axis=2).ravel(), around.mean(axis=2).ravel())[0, 1] > 0.95


def test_red_stays_red_in_a_crop() -> None:
    red = np.zeros((40, 20, 3), np.uint8)
    red[..., 0] = 200
    shown = np.asarray(Image.open(io.BytesIO(as_jpeg(red, 95)))).reshape(-1, 3).mean(axis=0)
    assert shown == pytest.approx([200, 0, 0], abs=3)


def test_a_gap_ends_all_tracks() -> None:
    kept = [each for each in tracklets_of(60, gap_at=30) if isinstance(each, Tracklet)]
    assert len(kept) == 4
    assert sorted((int(each.frames[0]), int(each.frames[-1])) for each in kept) == [
        (0, 29),
        (0, 29),
        (30, 59),
        (30, 59),
    ]


def test_the_name_says_source_start_and_counter() -> None:
    start = datetime(2026, 5, 1, 6, 0, 0, 123_456, tzinfo=UTC)
    assert str(TrackletId("yard", None, 17)) == "yard-000017"
    assert str(TrackletId("yard", start, 17)) == "yard-20260501T060000.123Z-000017"


def straight(count: int, *, height: float = 90.0, score: float = 0.8, seconds: float = 2.0) -> Tracklet:
    boxes = np.tile(np.array([[10, 10, 40, 10 + height]], np.float32), (count, 1))
    ones = np.ones(count, np.float32)
    times = np.linspace(0, seconds, count)
    return Tracklet(TrackletId("a", None, 1), np.arange(count), times, None, boxes, score * ones, ones, ())


@pytest.mark.parametrize(
    ("tracklet", "reason"),
    [
        (straight(50), None),
        (straight(2), "seen in 2 frames, fewer than 3"),
        (straight(5, seconds=0.1), "seen for 0.10 s, less than 0.5"),
        (straight(50, height=20), "at most 20 pixels high, less than 32"),
        (straight(50, score=0.3), "detections score 0.30 on average, less than 0.4"),
    ],
)
def test_what_is_dropped_says_why(tracklet: Tracklet, reason: str | None) -> None:
    assert reason_to_drop(tracklet, TrackletOptions(min_seconds=0.5, min_score=0.4)) == reason


def test_a_dropped_track_keeps_its_best_crop_alone() -> None:
    collector = Collector("yard", tracklets=TrackletOptions(min_boxes=1000))
    for each in ended_tracks(walk(50), collector):
        assert isinstance(each, DroppedTrack)
        assert len(each.tracklet.crops) == 1
        assert len(each.tracklet) == 50


def test_a_tracker_that_goes_on_with_an_ended_track_is_refused() -> None:
    collector = Collector("yard", patience=1.0)
    box = Detections(np.array([[10, 10, 40, 90]], np.float32), np.array([0.9], np.float32))
    nobody = Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32))

    def told(*rows: tuple[int, int, int]) -> TrackedDetections:
        columns = np.array(rows, np.int64).reshape(-1, 3).T
        return TrackedDetections(*columns)

    image = picture([(10, 10, 40, 90)])
    collector.add(Frame(image, 0, 0.0, None, False), box, told((1, 0, 0)))
    assert len(collector.add(Frame(image, 1, 1.5, None, False), nobody, told())) == 1
    with pytest.raises(DataError, match="track 1 goes on after it had ended"):
        collector.add(Frame(image, 2, 2.0, None, False), box, told((1, 2, 0)))


def test_wall_times_are_those_of_the_frames() -> None:
    collector, start = (
        Collector("yard", tracklets=TrackletOptions(min_boxes=1, min_seconds=0)),
        datetime(2026, 5, 1, tzinfo=UTC),
    )
    frames = (frame._replace(wall_time=start.replace(second=frame.number)) for frame in walk(4, fps=1.0))
    kept = [each for each in ended_tracks(frames, collector, {"buffer": 3.0}) if isinstance(each, Tracklet)]
    assert kept[0].wall_times is not None
    moments = [datetime.fromtimestamp(value / 1e6, UTC) for value in kept[0].wall_times.tolist()]
    assert moments == [start.replace(second=int(frame)) for frame in kept[0].frames]


edge = st.integers(0, 60)
box = st.tuples(edge, edge, st.integers(1, 40), st.integers(1, 40)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(st.lists(box, min_size=1, max_size=6))
def test_the_visible_fraction_is_that_of_pixels_no_nearer_box_covers(boxes: list[tuple[int, int, int, int]]) -> None:
    found = visible_fractions(np.array(boxes, np.float32), np.full(len(boxes), 0.9, np.float32), occluder_score=0.4)
    for row, (left, top, right, bottom) in enumerate(boxes):
        free = np.ones((bottom, right), np.bool_)
        for other in boxes:
            nearer = (other[3], other[3] - other[1]) > (bottom, bottom - top)
            if nearer:
                free[other[1] : other[3], other[0] : other[2]] = False
        share = free[top:bottom, left:right].mean()
        assert found[row] == pytest.approx(share, abs=1 / 12 + 2 / min(bottom - top, right - left, 24))


def test_an_unsure_detection_hides_nobody() -> None:
    boxes = np.array([[0, 0, 10, 20], [0, 0, 10, 30]], np.float32)
    assert visible_fractions(boxes, np.array([0.9, 0.3], np.float32), occluder_score=0.4).tolist() == [1.0, 1.0]
    assert visible_fractions(boxes, np.array([0.9, 0.5], np.float32), occluder_score=0.4).tolist() == [0.0, 1.0]


def test_blur_smallness_and_occlusion_lower_the_quality() -> None:
    import cv2

    image = np.random.default_rng(0).integers(0, 255, (300, 200, 3), np.uint8)
    box = np.array([20, 20, 120, 220], np.float32)
    best = crop_quality(image, box, score=0.9, visible=1.0)
    blurred = cv2.GaussianBlur(image, (0, 0), 3)
    assert sharpness(np.asarray(blurred, np.uint8)) < sharpness(image) / 2
    assert crop_quality(np.asarray(blurred, np.uint8), box, score=0.9, visible=1.0) < best
    assert crop_quality(image, box, score=0.9, visible=0.5) == pytest.approx(best / 4)
    assert crop_quality(image, box, score=0.45, visible=1.0) == pytest.approx(best / 2)
    cut_off = np.array([0, 20, 100, 220], np.float32)
    assert crop_quality(image, cut_off, score=0.9, visible=1.0) < 0.8 * best
    assert 0 < best < 1


def test_crops_of_a_long_track_are_spread_over_it_and_few_are_held() -> None:
    best, generator = BestCrops(8, 0.5), np.random.default_rng(1)
    times = np.arange(0, 3600, 0.2)
    for frame, time in enumerate(times.tolist()):
        quality = float(generator.uniform(0.5, 0.6))
        if best.wants(time, quality):
            best.add(frame, time, quality, b"")
        assert len(best._by_interval) <= 16
    chosen = best.chosen({frame: frame for frame in range(times.size)})
    gaps = np.diff([times[crop.row] for crop in chosen])
    assert len(chosen) == 8
    assert gaps.max() < 3600 / 3
    assert gaps.min() > 60


def test_bad_crops_are_left_out_however_few_there_are() -> None:
    assert spread_choice([0, 1, 2, 3], [0.9, 0.2, 0.8, 0.44], count=8, min_quality=0.5) == [0, 2]


@given(st.lists(st.floats(0.01, 1), max_size=30), st.integers(1, 10))
def test_the_best_crop_is_always_kept(qualities: list[float], count: int) -> None:
    places = spread_choice(list(range(len(qualities))), qualities, count=count, min_quality=0.5)
    assert len(places) <= count
    if qualities:
        assert max(qualities) in [qualities[place] for place in places]


def test_no_more_crops_than_asked_for() -> None:
    found = ended_tracks(walk(60), Collector("yard", crops=CropOptions(count=2)))
    assert {len(each.crops) for each in found if isinstance(each, Tracklet)} == {2}


def test_crops_of_detections_that_the_tracker_tells_of_later_are_there() -> None:
    collector, detector = Collector("yard", look_back=2), ReadsBoxes()
    nothing = TrackedDetections(*np.empty((3, 0), np.int64))
    for frame in walk(30):
        assert collector.add(frame, detector.detect([frame.image])[0], nothing) == []
    rows = np.arange(30)
    late = TrackedDetections(np.ones(30, np.int64), rows, np.zeros(30, np.int64))
    (found,) = collector.break_off(late)
    assert isinstance(found, Tracklet)
    assert found.frames.tolist() == rows.tolist()
    assert len(found.crops) >= 3
