"""Imports passerby first: its guard must stand before a test imports torchvision or timm on its own."""

import pytest

import passerby  # noqa: F401
from passerby.data.cache import building as cache_building
from passerby.data.pixels.decoding import read_image


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that are decoded from now on."""
    names = []

    def reading(path):
        names.append(path.name)
        return read_image(path)

    monkeypatch.setattr(cache_building, "read_image", reading)
    return names
