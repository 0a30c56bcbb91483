"""What is particular to galleries on a PostgreSQL server."""

from pathlib import Path

import pytest

from passerby.errors import GalleryError
from passerby.gallery.gallery import open_gallery
from tests.gallery.people import made_up
from tests.gallery.servers import Store

psycopg = pytest.importorskip("psycopg", reason="passerby[postgres] is not installed")


def test_a_gallery_is_not_made_by_looking(postgres_store: Store) -> None:
    with pytest.raises(GalleryError, match="there is no gallery"):
        open_gallery(postgres_store.location)


def test_a_schema_that_holds_something_else_is_refused(postgres_store: Store) -> None:
    with psycopg.connect(postgres_store.location) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(GalleryError, match="is no gallery"):
        open_gallery(postgres_store.location, create=True)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://guard:s3cr%2Ft@127.0.0.1:1/people",
        "postgresql://guard:s3cr%2@127.0.0.1:1/people",
        "postgresql://guard@127.0.0.1:1/people?password=s3cr%2Ft",
        "postgresql://guard:s3cr%2Ft@127.0.0.1:port/people",
        "postgresql://guard:s3cr%2Ft@127.0.0.1:1/people?unknown=1",
    ],
)
def test_a_server_that_cannot_be_reached_is_told_in_one_line_without_the_password(address: str) -> None:
    with pytest.raises(GalleryError) as caught:
        open_gallery(address)
    message = str(caught.value)
    assert "\n" not in message
    assert "s3cr" not in message
    assert caught.value.__cause__ is None


def test_a_user_without_the_rights_to_purge_is_told_before_anything_is_erased(
    postgres: tuple[str, Path], postgres_store: Store
) -> None:
    schema = postgres_store.location.rpartition("%3D")[2]
    with psycopg.connect(postgres[0], autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS guard")
        connection.execute("CREATE ROLE guard LOGIN")
        connection.execute(f"GRANT ALL ON SCHEMA {schema} TO guard")
        try:
            location = postgres_store.location.replace("postgres:@", "guard@")
            with open_gallery(location, create=True) as gallery:
                gallery.add(made_up(3))
                with pytest.raises(GalleryError, match=r'GRANT EXECUTE ON FUNCTION pg_switch_wal\(\) TO "guard"'):
                    gallery.erase([1])
                assert len(gallery) == 3
                for function in ("pg_switch_wal()", "pg_ls_waldir()"):
                    connection.execute(f"GRANT EXECUTE ON FUNCTION {function} TO guard")
                connection.execute("GRANT pg_checkpoint TO guard")
                assert gallery.erase([1]).files_searched == 0
                assert len(gallery) == 2
        finally:
            connection.execute("DROP OWNED BY guard CASCADE")
            connection.execute("DROP ROLE guard")


def test_an_open_transaction_that_still_sees_the_erased_is_waited_for(
    postgres_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passerby.gallery.stores.postgres_purge._PATIENCE", 0.3)
    with open_gallery(postgres_store.location, create=True) as gallery:
        gallery.add(made_up(3))
        with psycopg.connect(postgres_store.location) as reader:
            reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT count(*) FROM settings")
            with pytest.raises(GalleryError, match="still sees what was erased"):
                gallery.erase([1])
    with open_gallery(postgres_store.location) as gallery:
        assert {each.kind for each in gallery.verify()} == {"picture"}  # those made up are no JPEG


def test_a_server_that_ends_the_connection_is_found_again(postgres: tuple[str, Path], postgres_store: Store) -> None:
    with open_gallery(postgres_store.location, create=True) as gallery:
        gallery.add(made_up(3))
        with psycopg.connect(postgres[0], autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'passerby'")
        assert len(gallery) == 3


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("53100", "the server's disk is full: nothing of this was stored; make room and repeat it"),
        ("25006", "is read-only: nothing was changed; name the server that is written to"),
        ("XX001", "torn page"),
    ],
)
def test_a_server_that_cannot_store_is_told_in_one_line_and_nothing_is_half_there(
    postgres_store: Store, state: str, message: str
) -> None:
    with open_gallery(postgres_store.location, create=True) as gallery:
        gallery.add(made_up(3))
        with psycopg.connect(postgres_store.location, autocommit=True) as connection:
            connection.execute(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"RAISE EXCEPTION 'torn page\\nof a disk' USING ERRCODE = '{state}'; END $$"
            )
            connection.execute("CREATE TRIGGER fail BEFORE INSERT ON features FOR EACH ROW EXECUTE FUNCTION fail()")
            with pytest.raises(GalleryError, match=message) as caught:
                gallery.add(made_up(9))
            assert "\n" not in str(caught.value)
            assert len(gallery) == 3
            connection.execute("DROP TRIGGER fail ON features")
        assert gallery.add(made_up(9)) == (6, 3, 0)


def test_a_user_who_may_only_read_reads_and_is_told_that_no_more_is_allowed(
    postgres: tuple[str, Path], postgres_store: Store
) -> None:
    schema = postgres_store.location.rpartition("%3D")[2]
    with open_gallery(postgres_store.location, create=True) as gallery:
        gallery.add(made_up(3))
    with psycopg.connect(postgres[0], autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS visitor")
        connection.execute("CREATE ROLE visitor LOGIN")
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO visitor")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO visitor")
        try:
            with open_gallery(postgres_store.location.replace("postgres:@", "visitor@")) as gallery:
                assert len(gallery) == 3
                with pytest.raises(GalleryError, match="this user may not do that"):
                    gallery.add(made_up(4))
                assert len(gallery) == 3
        finally:
            connection.execute("DROP OWNED BY visitor CASCADE")
            connection.execute("DROP ROLE visitor")
