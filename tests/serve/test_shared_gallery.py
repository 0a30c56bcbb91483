"""A gallery on a PostgreSQL server, served; also over a restart of the server."""

import psycopg
import pytest

from passerby.gallery.gallery import open_gallery
from passerby.gallery.search import Filters
from tests.gallery.conftest import postgres, postgres_store
from tests.gallery.people import made_up
from tests.gallery.servers import Store
from tests.serve.conftest import client_of

__all__ = ["postgres", "postgres_store"]


@pytest.fixture
def shared(postgres_store: Store) -> Store:
    with open_gallery(postgres_store.location, create=True) as gallery:
        gallery.add(made_up(30))
        gallery.identify(threshold=0.7)
    return postgres_store


def end_connections(store: Store) -> int:
    """Close all connections of galleries, as a server does that is started again."""
    with psycopg.connect(store.location, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'passerby'"
        ).fetchall()
    return len(rows)


def test_it_answers_as_a_folder_does_and_takes_no_videos(shared: Store) -> None:
    with client_of(shared.location, threads=2) as client:
        hits = client.post("/v1/search", json={"tracklet": 3, "cameras": ["cam1"]}).json()["queries"][0]["hits"]
        with open_gallery(shared.location) as gallery:
            feature = gallery.feature(3, gallery.models()[0])
            expected = gallery.search(feature, filters=Filters(cameras=["cam1"]))
        assert [hit["tracklet"] for hit in hits] == [hit.tracklet.number for hit in expected]
        refused = client.post("/v1/videos?name=a.mp4", content=b"\0\0\0\x18ftypisom")
        assert (refused.status_code, "not into one on a server" in refused.text) == (422, True)
        assert client.get("/v1/jobs").json() == []


def test_a_restart_of_the_server_loses_no_write_and_needs_none_of_the_service(shared: Store) -> None:
    with client_of(shared.location, threads=2) as client:
        acknowledged = []
        for number in range(1, 13):
            if number % 3 == 0:
                assert end_connections(shared) > 0
            answer = client.post("/v1/holds", json={"tracklet": number, "reason": f"case {number}"})
            if answer.status_code == 201:
                acknowledged.append(f"case {number}")
        assert len(acknowledged) == 12
        assert [each["reason"] for each in client.get("/v1/holds").json()] == acknowledged


def test_a_server_that_is_gone_is_told_as_such(shared: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with client_of(shared.location, threads=1) as client:
        assert client.get("/v1/gallery").status_code == 200
        end_connections(shared)

        def gone(*_: object, **__: object) -> None:
            raise psycopg.OperationalError("connection refused")

        with monkeypatch.context() as patch:
            patch.setattr(psycopg, "connect", gone)
            answers = [client.get("/v1/gallery"), client.post("/v1/search", json={"tracklet": 3})]
            assert [each.status_code for each in answers] == [503, 503]
        assert client.get("/v1/gallery").status_code == 200
