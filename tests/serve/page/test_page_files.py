"""The files of the page: whole, without anything inline, and nothing else is served with them."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from passerby.serve.page.routes import page_files

LINKED = re.compile(r'(?:from|src=|href=) ?"(/page/[^"]+)"')


def test_the_page_is_served_with_its_own_files_alone(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|style=|<script>|\son\w+=", page.text), "nothing inline"
    again = client.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_whatever_a_file_of_the_page_names_is_there(client: TestClient) -> None:
    named = {name for file in page_files().values() for name in LINKED.findall(file.content.decode())}
    assert len(named) > 15
    for name in named:
        assert client.get(name).status_code == 200, name
    assert all(b"innerHTML" not in file.content for file in page_files().values()), "texts become no markup"
    assert not any(re.search(rb"https?://(?!www\.w3\.org/)", file.content) for file in page_files().values())


@pytest.mark.parametrize(
    "path", ["../routes.py", "..%2Froutes.py", "%2e%2e/routes.py", "/etc/passwd", "parts", "", "no.js"]
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(f"/page/{path}").status_code == 404


def test_all_files_are_of_kinds_that_are_served() -> None:
    folder = Path(str(files("passerby.serve.page").joinpath("static")))
    there = {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
    assert there == set(page_files())
