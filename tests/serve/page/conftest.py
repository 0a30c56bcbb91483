"""A service of a drawn gallery, and a real browser that looks at its page. Without a browser in CI the tests fail."""

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

from passerby.gallery.gallery import open_gallery
from passerby.serve.app import create_app
from passerby.serve.settings import ServiceSettings
from passerby.serve.state.service import Service
from passerby.workflows.indexing import photographs
from tests.needed_programs import needed_program
from tests.serve.page.drawn_people import ReadsStreet, draw_people

MILLISECONDS = 30_000


@dataclass
class Served:
    """A service: its address, its gallery and a key of each role."""

    address: str
    gallery: Path
    keys: dict[str, str]


@dataclass
class Looked:
    """A page of the browser, and what must not happen in it; `expected` parts of messages are no trouble."""

    page: Any
    served: Served
    troubles: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", self._check_request)

    def _check_request(self, request: Any) -> None:
        if not request.url.startswith((self.served.address, "blob:")):
            self.troubles.append(f"asks outside: {request.url}")

    def check(self) -> None:
        assert [each for each in self.troubles if not any(part in each for part in self.expected)] == []

    def sign_in(self, role: str = "admin", view: str = "search") -> Any:
        """The page of somebody of a role."""
        self.page.goto(f"{self.served.address}/#/{view}")
        self.page.get_by_label("Your key").fill(self.served.keys[role])
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_selector("nav")
        return self.page

    def go(self, view: str) -> None:
        self.page.goto(f"{self.served.address}/#/{view}")


@pytest.fixture(scope="session")
def drawn_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_people(tmp_path_factory.mktemp("people") / "gallery")


@pytest.fixture(scope="module")
def served(drawn_people: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service, in a thread of the tests, so that photos are read by a detector of ours."""
    folder = shutil.copytree(drawn_people, tmp_path_factory.mktemp("served") / "gallery")
    with open_gallery(folder) as gallery:
        keys = {role: gallery.add_key(role, role) for role in ("viewer", "reviewer", "admin")}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(photographs, "open_detector", lambda _: ReadsStreet())
        service = Service(folder, ServiceSettings(), detector="motion")
        config = uvicorn.Config(create_app(service), port=0, log_level="warning", lifespan="on", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(f"http://127.0.0.1:{port}", folder, keys)
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as driver:
        program = needed_program("chromium")
        found = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield found
        found.close()


def looking(browser: Any, served: Served, **options: Any) -> Iterator[Looked]:
    """A page in a context of its own, which must make no trouble."""
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
    context.set_default_timeout(MILLISECONDS)
    looked = Looked(context.new_page(), served)
    looked.watch()
    yield looked
    context.close()
    looked.check()


@pytest.fixture
def looked(browser: Any, served: Served) -> Iterator[Looked]:
    yield from looking(browser, served)


@pytest.fixture
def on_phone(browser: Any, served: Served) -> Iterator[Looked]:
    size = {"width": 360, "height": 740}
    yield from looking(browser, served, viewport=size, has_touch=True, is_mobile=True, color_scheme="dark")
