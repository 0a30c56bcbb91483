"""Both stores of galleries, as the tests of galleries have them."""

from tests.gallery.conftest import postgres, postgres_store, store

__all__ = ["postgres", "postgres_store", "store"]
