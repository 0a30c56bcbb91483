"""A drawn gallery, and a service of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from passerby.gallery.gallery import open_gallery
from passerby.serve.app import create_app
from passerby.serve.settings import ServiceSettings
from passerby.serve.state.service import Service
from passerby.workflows.indexing import photographs
from tests.serve.drawn import draw_gallery
from tests.video.collection.drawn import ReadsBoxes

ADDRESS = "http://localhost:8000"


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return draw_gallery(tmp_path_factory.mktemp("drawn"))


@pytest.fixture
def gallery(drawn: tuple[Path, Path], tmp_path: Path) -> Path:
    return shutil.copytree(drawn[0], tmp_path / "gallery")


@pytest.fixture(autouse=True)
def _detector_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    real = photographs.open_detector
    monkeypatch.setattr(photographs, "open_detector", lambda name: ReadsBoxes() if name == "yolox-nano" else real(name))


def client_of(gallery: Path | str, *, local: bool = True, key: str | None = None, **settings: object) -> TestClient:
    service = Service(gallery, ServiceSettings.model_validate(settings))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return TestClient(create_app(service, local=local), base_url=ADDRESS, headers=headers, client=("127.0.0.1", 50000))


@pytest.fixture
def client(gallery: Path) -> Iterator[TestClient]:
    """Somebody at the computer of a gallery without keys."""
    with client_of(gallery) as opened:
        yield opened


@pytest.fixture
def keys(gallery: Path) -> dict[str, str]:
    """A key of each role."""
    with open_gallery(gallery) as opened:
        return {role: opened.add_key(role, role) for role in ("viewer", "reviewer", "admin")}
