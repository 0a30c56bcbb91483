"""pgvector's graph finds what it says it finds, follows the gallery, and goes with who is erased."""

from collections.abc import Iterator

import numpy as np
import pytest

from passerby.errors import GalleryError
from passerby.gallery.gallery import Gallery, open_gallery
from passerby.gallery.records import NewTracklet
from passerby.gallery.search import Filters
from tests.gallery.erasure.test_erasing import files_with
from tests.gallery.nearest.test_index import of_people, others, vectors
from tests.gallery.people import MODEL
from tests.gallery.servers import Store

psycopg = pytest.importorskip("psycopg", reason="passerby[postgres] is not installed")


@pytest.fixture(scope="module")
def tracklets() -> list[NewTracklet]:
    return of_people(600)


@pytest.fixture
def gallery(postgres_store: Store, tracklets: list[NewTracklet]) -> Iterator[Gallery]:
    with open_gallery(postgres_store.location, create=True, actor="tester") as opened:
        opened.add(tracklets)
        opened.index_features(least=500, floor=0.9)
        yield opened


def plan_of(store: Store, statement: str) -> str:
    with psycopg.connect(store.location) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_sort = off")
        return " ".join(row[0] for row in connection.execute(f"EXPLAIN {statement}").fetchall())


def test_the_recall_that_is_published_is_what_searches_find(
    gallery: Gallery, postgres_store: Store, tracklets: list[NewTracklet]
) -> None:
    (told,) = gallery.feature_indexes()
    assert (told.features, told.indexed, told.note, told.compared) == (600, 600, None, None)
    assert told.queries == 500
    assert told.recall_at_10 is not None
    vector = f"[{','.join(['0.25'] * MODEL.dim)}]"
    plan = plan_of(
        postgres_store, f"SELECT tracklet FROM feature_graph_1 ORDER BY vector <#> '{vector}'::halfvec LIMIT 10"
    )
    assert "Index Scan using feature_graph_1_nearest" in plan
    found = 0
    for place in range(0, 600, 12):
        hits = gallery.search(tracklets[place].features[MODEL].vector, count=11)
        assert not hits.exact
        assert hits.recall == told.recall_at_10
        assert hits[0].tracklet.key == tracklets[place].key
        expected = vectors(tracklets) @ tracklets[place].features[MODEL].vector.astype(np.float64)
        assert [hit.score for hit in hits] == pytest.approx(
            [expected[hit.tracklet.number - 1] for hit in hits], abs=1e-5
        )
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        found += len({hit.tracklet.key for hit in hits} & set(others(tracklets, place)[:10]))
    assert found / 500 == pytest.approx(told.recall_at_10, abs=0.03)


def test_filters_and_identities_and_sentences_compare_all(gallery: Gallery, tracklets: list[NewTracklet]) -> None:
    query = vectors(tracklets)[3].astype(np.float32)
    nearest = [tracklets[3].key, *others(tracklets, 3)]
    cameras = {each.key: each.camera for each in tracklets}
    hits = gallery.search(query, filters=Filters(cameras=["cam1"]), count=15)
    assert hits.exact
    assert [hit.tracklet.key for hit in hits] == [key for key in nearest if cameras[key] == "cam1"][:15]
    assert gallery.search(query, by_identity=True).exact
    assert gallery.search(query, sentence=True).exact
    exact = gallery.search(query, exact=True, count=15)
    assert exact.exact
    assert [hit.tracklet.key for hit in exact] == nearest[:15]
    with pytest.raises(GalleryError, match="the query has 3 dimensions"):
        gallery.search(np.ones(3, np.float32))


def test_what_is_added_is_in_the_graph_when_it_is_acknowledged(gallery: Gallery) -> None:
    later = of_people(20, seed=1)
    gallery.add(later)
    gallery.add(later)
    (told,) = gallery.feature_indexes()
    assert (told.indexed, told.note) == (620, None)
    for each in later:
        hits = gallery.search(each.features[MODEL].vector, count=1)
        assert not hits.exact
        assert hits[0].tracklet.key == each.key
    assert {each.kind for each in gallery.verify()} == {"picture"}  # those made up are no JPEG


def test_who_is_erased_is_in_no_file_of_the_server(
    gallery: Gallery, postgres_store: Store, tracklets: list[NewTracklet]
) -> None:
    kept = [tracklets[41].features[MODEL].vector.astype("<f2").tobytes()]
    assert files_with(postgres_store.files, kept)
    gallery.erase([42])
    assert files_with(postgres_store.files, kept) == set()
    hits = gallery.search(tracklets[41].features[MODEL].vector, count=10)
    assert not hits.exact
    assert 42 not in {hit.tracklet.number for hit in hits}
    assert gallery.feature_indexes()[0].indexed == 599


def test_a_graph_that_lacks_features_or_finds_too_little_is_told_of(
    gallery: Gallery, postgres_store: Store, tracklets: list[NewTracklet]
) -> None:
    query = tracklets[0].features[MODEL].vector
    with psycopg.connect(postgres_store.location) as connection:
        connection.execute("DELETE FROM feature_graph_1 WHERE tracklet < 300")
    (told,) = gallery.feature_indexes()
    assert told.up_to == 0
    assert "lacks 299 of 600" in str(told.note)
    assert [each.message for each in gallery.verify() if each.kind == "index"] == [told.note]
    assert gallery.index_features().indexed == 600
    with psycopg.connect(postgres_store.location) as connection:
        worse = "replace(value, '\"shares\": [', '\"shares\": [0.5, ')"
        connection.execute(f"UPDATE settings SET value = {worse} WHERE key LIKE 'feature_graph%'")
    hits = gallery.search(query, count=3)
    assert hits.exact
    assert "finds 0.500 of the ten most alike" in str(hits.note)
    assert gallery.drop_index()
    assert not gallery.drop_index()
    hits = gallery.search(query, count=3)
    assert (hits.exact, hits.note) == (True, None)


def test_a_server_without_pgvector_is_told_of_in_one_line(
    postgres_store: Store, tracklets: list[NewTracklet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passerby.gallery.nearest.graph_building._NAME", "nothing_of_the_kind")
    with open_gallery(postgres_store.location, create=True) as gallery:
        gallery.add(tracklets[:20])
        with pytest.raises(GalleryError, match="the server has no pgvector"):
            gallery.index_features(least=10)
        assert gallery.search(tracklets[0].features[MODEL].vector).exact
