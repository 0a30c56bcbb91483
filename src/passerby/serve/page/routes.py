"""Serve the page at `/`, and its modules and styles below `/page/`."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from passerby.serve.errors import RefusedError

router = APIRouter(include_in_schema=False)

_START = "index.html"
_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


class PageFile(NamedTuple):
    """A file of the page.

    Attributes:
        content: its bytes.
        kind: its media type.
        mark: changes with the content, so that browsers need not load again what they have.
    """

    content: bytes
    kind: str
    mark: str


@cache
def page_files() -> Mapping[str, PageFile]:
    """All files of the page by their path; nothing else of this computer can be asked for."""
    return dict(_walk(files("passerby.serve.page").joinpath("static"), ""))


@router.get("/")
async def show_page(request: Request) -> Response:
    """The page."""
    return _answer(request, _START)


@router.get("/page/{path:path}")
async def show_file(path: str, request: Request) -> Response:
    """A module, a style or a drawing of the page."""
    return _answer(request, path)


def _answer(request: Request, path: str) -> Response:
    file = page_files().get(path)
    if file is None:
        raise RefusedError(404, "the page has no such file")
    headers = {"Cache-Control": "no-cache", "ETag": file.mark}
    if request.headers.get("if-none-match") == file.mark:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.kind, headers=headers)


def _walk(folder: Traversable, above: str) -> Iterator[tuple[str, PageFile]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _walk(each, f"{above}{each.name}/")
        elif kind := _KINDS.get(each.name.rpartition(".")[2]):
            content = each.read_bytes()
            yield f"{above}{each.name}", PageFile(content, kind, f'"{hashlib.sha256(content).hexdigest()[:24]}"')
