"""What a gallery says of cosines is held against worlds of which everything is known."""

from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from passerby.errors import GalleryError
from passerby.gallery.database import Database
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.identities.labelled import LabelledPerson
from passerby.gallery.probability.calibration import Calibration, fit, fit_logistic
from passerby.gallery.probability.evidence import Evidence, gather_evidence
from passerby.gallery.probability.reliability import ReliabilityBin, calibration_error, reliability
from passerby.gallery.records import Feature, NewTracklet
from passerby.gallery.stores.sqlite import SqliteDatabase
from tests.gallery.people import MODEL, SIZES, centres, crowd, made_up, unit, views
from tests.gallery.servers import Store


@pytest.fixture
def gallery(store: Store) -> Iterator[Gallery]:
    with open_gallery(store.location, create=True, actor="tester") as opened:
        yield opened


def rows_of_database(gallery: Gallery) -> Database:
    return gallery._database


def test_the_evidence_is_what_a_loop_over_all_pairs_finds(gallery: Gallery) -> None:
    tracklets = made_up(40)
    gallery.add(tracklets)
    with rows_of_database(gallery).reading() as transaction:
        found = gather_evidence(transaction, 1, MODEL.dim)
    same = []
    for each in tracklets:
        halves = each.features[MODEL].halves
        assert halves is not None
        same.append(float(halves[0] @ halves[1]))
    apart = [
        float(one.features[MODEL].vector @ other.features[MODEL].vector)
        for one, other in combinations(tracklets, 2)
        if one.video == other.video and max(one.begins, other.begins) <= min(one.ends, other.ends)
    ]
    np.testing.assert_allclose(np.sort(found.same), np.sort(same), atol=2e-3)  # features are kept as float16
    np.testing.assert_allclose(np.sort(found.apart), np.sort(apart), atol=2e-3)
    vectors = np.stack([each.features[MODEL].vector for each in tracklets])
    anybody = (vectors @ vectors.T)[np.triu_indices(40, 1)]
    np.testing.assert_allclose(np.sort(found.anybody), np.sort(anybody), atol=2e-3)
    assert found.halves_apart.size == 2 * found.apart.size


def test_the_line_is_the_one_of_greatest_likelihood() -> None:
    generator = np.random.default_rng(3)
    same, apart = generator.normal(0.7, 0.1, 300), generator.normal(0.4, 0.1, 900)

    def loss(line: np.ndarray) -> float:
        total = 0.0
        for cosines, target in ((same, 301 / 302), (apart, 1 / 902)):
            p = 1 / (1 + np.exp(-(line[0] * cosines + line[1])))
            total -= float(np.mean(target * np.log(p) + (1 - target) * np.log(1 - p)))
        return total

    oracle = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12, "maxiter": 5000})
    np.testing.assert_allclose(fit_logistic(same, apart), oracle.x, rtol=1e-3)


@pytest.mark.parametrize("gap", [0.0, 0.5, 100.0])
def test_a_line_is_found_where_people_are_told_apart_fully_or_not_at_all(gap: float) -> None:
    generator = np.random.default_rng(0)
    apart = generator.normal(0, 0.01, 1000)
    slope, intercept = fit_logistic(apart[:500] + gap, apart)
    assert np.isfinite([slope, intercept]).all()
    assert slope * gap > 5 or gap == 0


@pytest.mark.parametrize("rate", [0.3, 0.1, 1e-2, 1e-3, 3e-4])
def test_thresholds_of_normal_correlations_are_those_of_the_normal_distribution_to_a_factor_of_two(rate: float) -> None:
    for seed in range(5):
        apart = np.tanh(np.random.default_rng(seed).normal(0.4, 0.1, 5_000))
        threshold = fit(Evidence(np.empty(0), np.empty(0), apart, apart), 1).threshold(rate)
        assert rate / 2 < norm.sf(np.arctanh(threshold), 0.4, 0.1) < rate * 2


@pytest.mark.parametrize("rate", [0.1, 1e-2])
@pytest.mark.parametrize("one_person", [0.0, 0.005])
def test_thresholds_are_those_of_whom_a_search_compares_who_are_less_alike(rate: float, one_person: float) -> None:
    for seed in range(5):
        generator = np.random.default_rng(seed)
        apart = np.tanh(generator.normal(0.5, 0.1, 3_000))
        anybody = np.tanh(generator.normal(0.3, 0.13, 50_000))
        anybody[: int(one_person * anybody.size)] = 0.9
        found = fit(Evidence(np.empty(0), np.empty(0), apart, anybody), 1)
        assert rate / 2 < norm.sf(np.arctanh(found.threshold(rate)), 0.3, 0.13) < rate * 2
        assert rate / 2 < norm.sf(np.arctanh(found.careful_threshold(rate)), 0.5, 0.1) < rate * 2
        crowded = fit(Evidence(np.empty(0), np.empty(0), apart, np.tanh(generator.normal(0.9, 0.2, 9_000))), 1)
        assert crowded.threshold(rate) == crowded.careful_threshold(rate)  # never more than those seen at once say


def true_scores(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of halves of one person and of tracklets of two, for people that no gallery has seen."""
    halves = views(centres(4_000, generator), 2, generator)
    vectors = unit(halves.mean(1))
    cosines = vectors @ vectors.T
    return np.einsum("nd,nd->n", halves[:, 0], halves[:, 1]), cosines[np.triu_indices(len(vectors), 1)]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_probabilities_come_true_and_false_match_rates_are_met_to_a_factor_of_two(gallery: Gallery, seed: int) -> None:
    gallery.add(crowd(2000, seed=seed, at_once=10))
    calibration = gallery.calibration()
    generator = np.random.default_rng(1000 + seed)
    same, apart = true_scores(generator)
    for rate in (1e-1, 1e-2, 1e-3):
        assert rate / 2 < np.mean(apart >= calibration.threshold(rate)) < rate * 2
    halves = views(centres(4_000, generator), 1, generator)[:, 0]
    apart = np.einsum("nd,nd->n", halves, np.roll(halves, 1, axis=0))
    foretold = np.array([calibration.probability(score) for score in np.concatenate([same, apart])])
    truth = np.repeat([1.0, 0.0], [same.size, apart.size])
    edges = np.linspace(0, 1, 6)
    for low, high in pairwise(edges):
        inside = (foretold >= low) & (foretold <= high)
        if inside.sum() >= 100:
            assert abs(foretold[inside].mean() - truth[inside].mean()) < 0.1


def test_somebody_whom_the_gallery_does_not_have_is_nobody(gallery: Gallery) -> None:
    tracklets = crowd(1000)
    gallery.add(tracklets)
    generator = np.random.default_rng(99)
    strangers = views(centres(50, generator), 1, generator)[:, 0]
    false_matches = sum(len(gallery.search(each, count=1000, false_match_rate=1e-3)) for each in strangers)
    assert 25 < false_matches < 100  # of 50 times 1,000 pairs
    known = tracklets[7].features[SIZES].halves
    assert known is not None
    hits = gallery.search(known[0], false_match_rate=1e-3)
    assert hits[0].tracklet.number == 8
    everyone = gallery.search(known[0], count=1000)
    assert len(everyone) == 1000
    assert hits == everyone[: len(hits)]
    probabilities = [hit.probability for hit in everyone]
    assert all(each is not None and 0 <= each <= 1 for each in probabilities)
    assert probabilities == sorted(probabilities, key=lambda each: -(each or 0))
    assert (everyone[0].probability or 0) > 0.9 > 0.1 > (everyone[-1].probability or 1)


def test_the_order_in_which_tracklets_were_added_does_not_matter(tmp_path: Path) -> None:
    tracklets = crowd(300)
    found: list[Calibration] = []
    for name, order in (("a", tracklets), ("b", tracklets[::-1])):
        with open_gallery(tmp_path / name, create=True) as gallery:
            gallery.add(order)
            found.append(gallery.calibration())
    np.testing.assert_allclose(found[0].thresholds, found[1].thresholds, rtol=1e-9)
    assert found[0].probability(0.5) == pytest.approx(found[1].probability(0.5))


def test_a_calibration_is_kept_and_made_anew_when_the_gallery_has_grown_or_somebody_was_erased(tmp_path: Path) -> None:
    tracklets = crowd(400)
    with open_gallery(tmp_path, create=True) as gallery:
        gallery.add(tracklets[:200])
        first = gallery.calibration()
    with open_gallery(tmp_path) as gallery:
        assert gallery.calibration() == first
        gallery.add(tracklets[200:250])
        assert gallery.calibration() == first
        gallery.add(tracklets[250:])
        grown = gallery.calibration()
        assert grown.tracklets == 400
        gallery.erase([5])
        database = SqliteDatabase(tmp_path)
        with database.reading() as transaction:
            assert transaction.rows("SELECT * FROM calibrations") == []
        database.close()
        after = gallery.calibration()
        assert after.tracklets == 399
        assert after.same == grown.same - 1
        assert after.apart == grown.apart - 4


def test_too_few_pairs_give_no_probability_and_one_line_where_a_rate_is_asked_for(gallery: Gallery) -> None:
    tracklets = crowd(20)
    gallery.add(tracklets)
    query = tracklets[0].features[SIZES].vector
    assert gallery.search(query)[0].probability is None
    with pytest.raises(GalleryError, match="only 40 pairs of tracklets were seen at once in one video, and 200"):
        gallery.search(query, false_match_rate=0.01)
    gallery.add(crowd(500, seed=1))
    with pytest.raises(GalleryError, match=r"cannot be told from 1,140 pairs .* ask for 0\.00088 or more"):
        gallery.search(query, false_match_rate=1e-6)
    for wrong in (0.0, -1.0, 0.7, float("nan")):
        with pytest.raises(GalleryError, match=r"a share above 0 and at most 0\.5"):
            gallery.search(query, false_match_rate=wrong)


def test_what_is_learned_of_pictures_is_not_said_of_sentences(gallery: Gallery) -> None:
    tracklets = crowd(300)
    gallery.add(tracklets)
    query = tracklets[0].features[SIZES].vector
    assert {hit.probability for hit in gallery.search(query, sentence=True)} == {None}
    with pytest.raises(GalleryError, match="of pictures, not of sentences"):
        gallery.search(query, sentence=True, false_match_rate=0.1)


def test_bins_hold_what_a_loop_finds_with_both_kinds_weighing_alike() -> None:
    generator = np.random.default_rng(0)
    same = generator.random(3_000) < 0.1
    foretold = np.clip(generator.normal(0.3 + 0.4 * same, 0.2), 0, 1)
    found = reliability(foretold, same, bins=4)
    assert [each.pairs for each in found] == np.histogram(foretold, 4, (0, 1))[0].tolist()
    assert sum(each.weight for each in found) == pytest.approx(1)
    for number, each in enumerate(found):
        inside = [place for place in range(3_000) if min(3, int(4 * foretold[place])) == number]
        weights = [1 / same.sum() if same[place] else 1 / (~same).sum() for place in inside]
        assert each.observed == pytest.approx(np.average(same[inside], weights=weights))
        assert each.foretold == pytest.approx(np.average(foretold[inside], weights=weights))
    exact = [ReliabilityBin(0.1, 0.2, 5, 0.25), ReliabilityBin(0.9, 0.8, 5, 0.75)]
    assert calibration_error(exact) == pytest.approx(0.1)


def test_a_gallery_s_probabilities_come_true_on_what_it_learned_and_on_confirmed_people(gallery: Gallery) -> None:
    generator = np.random.default_rng(5)
    people = centres(60, generator)
    twice = views(np.repeat(people, 2, axis=0), 2, generator)
    gallery.add(crowd(1000))
    assert gallery.reliability().confirmed == []
    for number, halves in enumerate(twice):
        feature = {SIZES: Feature(unit(halves.mean(0)), halves)}
        begins = 100_000.0 * (number + 1)
        gallery.add([NewTracklet(f"again/{number}", "cam7", "video7", begins, begins, 9, 100.0, features=feature)])
    gallery.take_over([LabelledPerson([f"again/{2 * person}", f"again/{2 * person + 1}"]) for person in range(60)])
    found = gallery.reliability()
    assert calibration_error(found.learned) < 0.05
    assert sum(each.pairs for each in found.confirmed) == 120 * 119 // 2
    # features of whole tracklets are more alike than halves, for pairs of one person, and so more often right
    assert all(each.observed > each.foretold - 0.1 for each in found.confirmed if each.weight > 0.02)
