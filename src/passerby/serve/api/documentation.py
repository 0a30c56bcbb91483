"""The description of the interface: OpenAPI, and a page of it that needs neither scripts nor a network."""

import re
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from passerby.serve.state.sessions import COOKIE

router = APIRouter()

_OPEN = frozenset({"/healthz", "/readyz", "/v1/session"})
_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "A key, as `passerby gallery key add` printed it."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "As `POST /v1/session` set it; what changes something needs the header `X-Passerby: 1` too.",
    },
}
_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string", "description": "What is wrong, and what to do, in one line."}},
    "example": {"error": "there is no tracklet 9: it was never added, or is erased"},
}
_PAGES = Environment(loader=PackageLoader("passerby.serve", "documents"), autoescape=True, trim_blocks=True)
_CODE = re.compile("`([^`]+)`")


def _with_code(text: object) -> Markup:
    """A text, escaped, with what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


_PAGES.filters["with_code"] = _with_code


def describe(app: FastAPI) -> None:
    """Let the application describe itself with our errors and keys."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            found["components"]["securitySchemes"] = _SCHEMES
            found["components"]["schemas"]["Error"] = _ERROR
            for path, methods in found["paths"].items():
                for operation in methods.values():
                    _complete(operation, needs_key=path not in _OPEN)
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]


def _complete(operation: dict[str, Any], *, needs_key: bool) -> None:
    """Put in what every operation has in common."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422")):
        answers["422"] = {"description": "What was asked cannot be done.", "content": content}
    if needs_key:
        operation["security"] = [{name: []} for name in _SCHEMES]
        answers["401"] = {"description": "A key is needed.", "content": content}
        answers["403"] = {"description": "The key does not allow it.", "content": content}
        answers["429"] = {"description": "Too many requests.", "content": content}


@router.get("/docs", include_in_schema=False)
async def show_documentation(request: Request) -> HTMLResponse:
    """A page that tells of every route."""
    description = request.app.openapi()
    operations: dict[str, list[dict[str, Any]]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["other"])[0]
            operations.setdefault(tag, []).append({"path": path, "method": method.upper(), **operation})
    page = _PAGES.get_template("documentation.html.jinja").render(
        info=description["info"], operations=operations, schemas=description["components"]["schemas"]
    )
    return HTMLResponse(page)


@router.get("/docs/style.css", include_in_schema=False)
async def show_style() -> Response:
    """Its style."""
    style = files("passerby.serve").joinpath("documents/documentation.css").read_text("utf-8")
    return Response(style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})
