import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from passerby.errors import DataError, RecipeError
from passerby.tracklets.correlation import OUTCOMES, denoise
from passerby.tracklets.noise import measure_noise
from tests.tracklets import naive
from tests.tracklets.problems import drawn, same_partition


def counted_by_hand(problem, found):
    """Tracklets of the input, by video and name, in the identity that most of them stayed in."""
    members = {}
    for row, (identity, outcome) in enumerate(zip(found.identities.tolist(), found.outcomes.tolist(), strict=True)):
        if OUTCOMES[outcome] == "kept":
            members.setdefault(identity, set()).add((problem.videos[row], problem.tracklets[row]))
    return max(map(len, members.values()))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    noise=st.sampled_from([0.05, 0.15, 0.25, 0.4]),
    switched=st.sampled_from([0.0, 0.1, 0.3]),
    half_width=st.sampled_from([1, 3, 1000]),
    sigmas=st.sampled_from([(0.2, 0.18), (0.1, 0.3), (0.5, 0.05)]),
)
def test_equals_the_levels_taken_literally(seed, noise, switched, half_width, sigmas):
    problem = drawn(seed, noise=noise, switched=switched)
    expected, compared = naive.denoise(problem.features, problem.tracklets, problem.videos, *sigmas, half_width)
    assume(naive.settled(compared))
    found = denoise(
        problem.features,
        problem.tracklets,
        problem.videos,
        sigma_consistency=sigmas[0],
        sigma_discrimination=sigmas[1],
        half_width=half_width,
        oversize="keep",
    )
    assert found.identities.dtype == np.int64
    assert found.identities.tolist() == expected.tolist()
    assert found.most_joined == counted_by_hand(problem, found)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_row_order_only_renumbers(seed):
    problem = drawn(seed)
    shuffle = np.random.default_rng(seed).permutation(len(problem.features))
    whole = denoise(problem.features, problem.tracklets, problem.videos, frames=problem.frames)
    mixed = denoise(*(column[shuffle] for column in problem[:3]), frames=problem.frames[shuffle], half_width=10**6)
    assert same_partition(whole.identities[shuffle], mixed.identities)


def test_says_what_became_of_every_sample():
    east, north, between = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]
    features = np.array([east, east, north, between, north, north, east, east], np.float32)
    found = denoise(
        features,
        ["a", "a", "a", "a", "b", "b", "c", "c"],
        ["v", "v", "v", "v", "v", "v", "w", "w"],
        sigma_consistency=0.2,
    )
    assert [OUTCOMES[code] for code in found.outcomes] == [
        "kept", "kept", "reallocated", "dropped by level 2", "kept", "kept", "kept", "kept"
    ]  # fmt: skip
    assert found.identities.tolist() == [0, 0, 1, -1, 1, 1, 0, 0]
    assert found.tracklets.tolist() == [0, 0, 1, -1, 1, 1, 2, 2]
    assert found.moved_to.tolist() == [-1, -1, 4, -1, -1, -1, -1, -1]
    assert found.other_distances[[2, 3]] == pytest.approx([0, 1], abs=1e-6)
    assert np.isnan(found.other_distances[[0, 1, 4, 5, 6, 7]]).all()
    assert [(level.name, level.images, level.identities) for level in found.levels] == [
        ("input", 8, 3), ("level 1", 6, 3), ("level 2", 7, 3), ("level 3", 7, 2)
    ]  # fmt: skip
    assert found.links == 1
    assert found.components.members.tolist() == [1, 2]


@pytest.mark.parametrize("levels", [(), (1,), (1, 2), (2,), (3,), (1, 3), (1, 2, 3)])
def test_noise_of_each_stage_equals_the_measure_on_its_labels(levels):
    problem = drawn(3, people=8, videos=6, switched=0.2)
    columns = problem.features, problem.tracklets, problem.videos
    found = denoise(*columns, frames=problem.frames, levels=levels)
    assert [state.name for state in found.levels] == ["input", *(f"level {level}" for level in levels)]
    raw = problem.videos * 1000 + problem.tracklets
    assert found.levels[0].noise.total == pytest.approx(naive.noise(problem.features, raw))
    last = found.levels[-1]
    assert last.noise.total == pytest.approx(naive.noise(problem.features, found.identities))
    assert last.noise.total == measure_noise(problem.features, found.identities).total
    assert last.images == (found.identities >= 0).sum()
    assert last.identities == found.identities.max() + 1
    if 1 in levels:
        assert found.levels[1].noise.inconsistent == 0


def test_drops_what_is_too_small():
    problem = drawn(5)
    everything = denoise(*problem[:3])
    counts = np.bincount(everything.identities[everything.identities >= 0])
    found = denoise(*problem[:3], min_images=4)
    kept = (everything.identities >= 0) & (counts[everything.identities] >= 4)
    assert ((found.identities >= 0) == kept).all()
    assert same_partition(found.identities[kept], everything.identities[kept])
    assert {OUTCOMES[code] for code in found.outcomes[~kept & (everything.identities >= 0)]} == {"dropped as too few"}
    assert (denoise(*problem[:3], min_images=1000).identities == -1).all()


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"sigma_consistency": 0}, r"sigma_consistency: must be above 0 \(found 0\)"),
        ({"half_width": 0}, "half_width: must be at least 1"),
        ({"levels": (1, 4)}, "levels: must be 1, 2 or 3"),
        ({"levels": (1, 1)}, "levels: must name each level once"),
        ({"half_with": 7}, "half_with: unknown setting; did you mean 'half_width'"),
        ({"linkage": "single"}, "linkage: must be 'closure', 'mutual' or 'average'"),
    ],
)
def test_refuses_options_out_of_range(choices, message):
    with pytest.raises(RecipeError, match=message):
        denoise(*drawn(0)[:3], **choices)


def test_names_a_broken_feature():
    problem = drawn(0)
    problem.features[7, 2] = np.nan
    with pytest.raises(DataError, match=r"feature 7 \(from 0\) is zero, NaN or infinite"):
        denoise(*problem[:3])


def test_refuses_columns_of_different_lengths():
    problem = drawn(0)
    with pytest.raises(DataError, match="must have one entry per sample"):
        denoise(problem.features, problem.tracklets[1:], problem.videos)


def test_centring_is_subtracting_the_mean_direction_before_everything():
    problem = drawn(8, switched=0.15)
    cone = problem.features + 12 * np.eye(8, dtype=np.float32)[0]  # as networks leave their features
    unit = cone / np.linalg.norm(cone.astype(float), axis=1, keepdims=True)
    columns = problem.tracklets, problem.videos
    by_hand = denoise(unit - unit.mean(axis=0), *columns, frames=problem.frames)
    found = denoise(cone, *columns, frames=problem.frames, center=True)
    assert found.identities.tolist() == by_hand.identities.tolist()
    assert found.levels == by_hand.levels
    plain = denoise(cone, *columns, frames=problem.frames, oversize="keep")
    assert plain.identities.max() < found.identities.max()


def test_re_allocation_can_ask_for_more_than_consistency():
    east, north, middle = (
        [1.0, 0.0],
        [0.0, 1.0],
        [0.6, 0.8],
    )  # the last is at 0.4 from the first and 0.2 from the second
    features = np.array([east, east, middle, north, north], np.float32)
    tracklets, videos = [0, 0, 0, 1, 1], [0] * 5
    paper = denoise(features, tracklets, videos, sigma_consistency=0.3)
    assert paper.identities.tolist() == [0, 0, 1, 1, 1]
    asking = denoise(features, tracklets, videos, sigma_consistency=0.3, sigma_reallocation=0.1)
    assert asking.identities.tolist() == [0, 0, -1, 1, 1]
    assert asking.other_distances[2] == pytest.approx(0.2, abs=1e-6)
