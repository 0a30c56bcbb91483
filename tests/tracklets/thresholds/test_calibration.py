import tempfile

import numpy as np
import pyarrow.parquet as pq
import pytest

from passerby.errors import DataError, RecipeError
from passerby.metrics import correlation_quality
from passerby.tracklets import arrangement
from passerby.tracklets.correlation import denoise
from passerby.tracklets.tables.features import read_some_features
from passerby.tracklets.tables.table import open_tracklets
from passerby.tracklets.thresholds import evidence
from passerby.tracklets.thresholds.calibrated_table import calibrate_table
from passerby.tracklets.thresholds.calibration import calibrate, draw, fit_tail, percolation, propose_consistency
from tests.tracklets import naive
from tests.tracklets.problems import drawn
from tests.tracklets.test_pipeline import embedding, table_of


def crowd(noise, switched, width=32):
    return drawn(
        1,
        people=60,
        videos=30,
        per_video=10,
        length=(5, 20),
        width=width,
        noise=noise,
        switched=switched,
        background=0.03,
    )


@pytest.mark.parametrize("switched", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("noise", [0.06, 0.12])
def test_proposals_find_the_people_whatever_the_spread_and_the_noise(noise, switched):
    problem = crowd(noise, switched)
    found = calibrate(problem.features, problem.tracklets, problem.videos, frames=problem.frames)
    result = denoise(
        problem.features,
        problem.tracklets,
        problem.videos,
        frames=problem.frames,
        sigma_consistency=found.sigma_consistency,
        sigma_discrimination=found.sigma_discrimination,
        oversize="keep",
    )
    quality = correlation_quality(result.identities, problem.truth, problem.videos)
    assert quality.coverage > 0.9
    assert quality.kept.precision > 0.97
    assert quality.kept.recall > 0.9
    assert 0 < found.sigma_reallocation <= found.sigma_consistency
    # switched samples may land on their own person; background comes on top
    assert abs(found.switched - 0.9 * switched - 0.03) < 0.05
    assert found.overlapping


def test_works_without_frames():
    problem = crowd(0.06, 0.1)
    found = calibrate(*problem[:3])
    assert not found.overlapping
    timed = calibrate(*problem[:3], frames=problem.frames)
    assert found.sigma_consistency == pytest.approx(timed.sigma_consistency, abs=0.05)
    assert 0.5 * timed.sigma_discrimination < found.sigma_discrimination < 2 * timed.sigma_discrimination


def test_falls_back_where_nothing_overlaps_or_tracklets_are_short():
    problem = crowd(0.06, 0.1)
    following = np.arange(len(problem.features))  # every tracklet begins when the one before it has ended
    found = calibrate(*problem[:3], frames=following)
    assert not found.overlapping
    assert found.sigma_discrimination == calibrate(*problem[:3]).sigma_discrimination
    short = drawn(2, people=60, videos=60, per_video=10, length=(2, 3), width=32, noise=0.06, fragments=0)
    found = calibrate(*short[:3], frames=short.frames)
    assert found.overlapping
    assert 0.1 < found.sigma_discrimination < 0.6


def test_calibrates_centred_features_and_is_bolder_where_others_outvote_a_wrong_link():
    problem = crowd(0.06, 0.1)
    columns, frames = (problem.features, problem.tracklets, problem.videos), problem.frames
    unit = naive.unit(problem.features)
    by_hand = calibrate(unit - unit.mean(axis=0), *columns[1:], frames=frames)
    centred = calibrate(*columns, frames=frames, center=True)
    assert centred.sigma_consistency == pytest.approx(by_hand.sigma_consistency)
    assert centred.sigma_discrimination == pytest.approx(by_hand.sigma_discrimination)
    average = calibrate(*columns, frames=frames, linkage="average")
    assert average.allowed == 20 * calibrate(*columns, frames=frames).allowed
    assert average.sigma_discrimination > calibrate(*columns, frames=frames, false_links=0.01).sigma_discrimination


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("center", [False, True])
def test_where_there_is_much_a_sample_is_read(monkeypatch, timed, center):
    problem = crowd(0.06, 0.1)
    frames = problem.frames if timed else None
    monkeypatch.setattr(arrangement, "_chunks", lambda places, rows: np.arange(places.size))
    everything = calibrate(*problem[:3], frames=frames, center=center)
    monkeypatch.setattr(evidence, "_ENOUGH", 1000)
    sample = draw(arrangement.arrange(problem.videos, problem.tracklets, frames), timed=timed)
    there = np.full_like(problem.features, np.nan)  # which would be refused
    there[sample.rows] = problem.features[sample.rows]
    found = calibrate(there, *problem[1:3], frames=frames, center=center)
    videos = np.unique(problem.videos[sample.rows])
    assert 2 < videos.size < 29
    assert videos.max() - videos.min() > videos.size  # not those that come first
    assert found.sigma_consistency == pytest.approx(everything.sigma_consistency, rel=0.2)
    assert found.sigma_discrimination == pytest.approx(everything.sigma_discrimination, rel=0.3)


def test_a_sample_of_a_table_is_unpacked(monkeypatch, tmp_path):
    problem = crowd(0.06, 0.1)
    monkeypatch.setattr(arrangement, "_chunks", lambda places, rows: np.arange(places.size))
    monkeypatch.setattr(evidence, "_ENOUGH", 1000)
    pq.write_table(table_of(problem, embedding=embedding(problem.features)), tmp_path / "t.parquet")
    table = open_tracklets(tmp_path / "t.parquet")
    rows = draw(arrangement.arrange(table.videos, table.tracklets, table.frames), timed=True).rows
    with tempfile.TemporaryFile(buffering=0) as unpacked:
        array = read_some_features(table, unpacked, rows)
        np.testing.assert_array_equal(array[rows], problem.features[rows])
        assert not np.delete(array[:], rows, axis=0).any()
    by_hand = calibrate(*problem[:3], frames=problem.frames, center=True)
    assert calibrate_table(tmp_path / "t.parquet", center=True).sigma_discrimination == by_hand.sigma_discrimination


@pytest.mark.parametrize("timed", [True, False])
def test_pairs_of_a_video_are_drawn_where_there_are_many(monkeypatch, timed):
    frames, offsets = np.repeat(np.arange(100) // 50, 3), np.arange(0, 301, 3)
    everything = set(zip(*evidence._different(frames, offsets, timed=timed), strict=True))
    assert len(everything) == (2 * 50 * 49 // 2 if timed else 100 * 99 // 2)
    monkeypatch.setattr(evidence, "_PAIRS_OF_A_VIDEO", 200)
    first, second = evidence._different(frames, offsets, timed=timed)
    some = set(zip(first, second, strict=True))
    assert some < everything
    assert 190 <= len(some) == first.size <= 200
    assert len(set(first.tolist())) > 50  # from everywhere
    again = evidence._different(frames, offsets, timed=timed)
    assert again[0].tolist() == first.tolist()


def test_a_mixture_is_taken_apart():
    generator = np.random.default_rng(0)
    clean, negatives = generator.normal(0.1, 0.02, 9000), np.sort(generator.normal(0.7, 0.1, 5000))
    mixed = np.sort(np.concatenate([clean, generator.normal(0.7, 0.1, 1000)]))
    sigma, switched, lost = propose_consistency(mixed, negatives)
    assert switched == pytest.approx(0.1, abs=0.01)
    assert sigma == pytest.approx(np.quantile(clean, 0.99), abs=0.01)
    assert 0 <= lost <= 0.012  # the next point of the grid


@pytest.mark.parametrize("power", [2.0, 7.5])
def test_the_tail_of_a_power_is_found(power):
    distances = np.sort(np.random.default_rng(1).random(200_000) ** (1 / power))  # P(d < x) = x ** power
    slope, intercept = fit_tail(distances, 0.005, 0.1)
    assert slope == pytest.approx(power, rel=0.05)
    assert intercept == pytest.approx(0, abs=0.15)


def test_percolation_ends_with_everybody():
    centroids = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    points = percolation(centroids, 200, 1.0)
    assert [point.largest for point in points] == sorted(point.largest for point in points)
    assert points[-1].largest == 1
    assert points[-1].components == 1


def test_refuses_too_little():
    with pytest.raises(DataError, match="too few to calibrate"):
        calibrate(*drawn(0)[:3])
    with pytest.raises(RecipeError, match="false_links: must be above 0"):
        calibrate(*drawn(0)[:3], false_links=0)
