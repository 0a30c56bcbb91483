"""The route of searches: a form with pictures, or JSON without."""

import json
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from passerby.serve.api.access import Viewer
from passerby.serve.api.complaints import complaint
from passerby.serve.api.searching import SearchAnswer, SearchAsked, Upload, search
from passerby.serve.errors import RefusedError
from passerby.serve.security.pictures import shown_name
from passerby.serve.settings import ServiceSettings

router = APIRouter(prefix="/v1", tags=["search"])

_FILES = ("picture", "crop")
_FIELDS = 100
_LISTS = ("cameras",)
_FILE = {"type": "string", "format": "binary"}
_ASKED = SearchAsked.model_json_schema(ref_template="#/components/schemas/{model}")
_FORM = {
    "type": "object",
    "properties": {
        "picture": {
            "type": "array",
            "items": _FILE,
            "description": "Whole photographs: everybody in them is found, and looked for.",
        },
        "crop": {"type": "array", "items": _FILE, "description": "Pictures of one person and little else."},
        **_ASKED["properties"],
    },
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM},
            "application/json": {
                "schema": _ASKED,
                "examples": {
                    "sentence": {"value": {"text": "a man in a red coat", "cameras": ["gate"], "count": 5}},
                    "tracklet": {"value": {"tracklet": 17, "by_identity": True}},
                },
            },
        },
    }
}


@router.post(
    "/search",
    summary="Search",
    response_model=SearchAnswer,
    responses={422: {"model": SearchAnswer, "description": "Nothing of what was sent could be used."}},
    openapi_extra=_BODY,
)
async def search_people(request: Request, caller: Viewer) -> JSONResponse:
    """Find who is like the people of pictures, like a tracklet, or as a sentence says.

    Of a photograph with several people, each is looked for, with the box where they are: the caller chooses. What
    cannot be used comes back in `refused` with its reason; if nothing can be used, the status is 422.
    """
    asked, uploads = await _read(request, caller.service.settings)
    answer = await caller.service.run(search, caller, asked, uploads)
    content = answer.model_dump(mode="json")
    if answer.queries:
        return JSONResponse(content)
    error = "; ".join(each.reason for each in answer.refused)
    return JSONResponse({"error": error, **content}, 422)


async def _read(request: Request, settings: ServiceSettings) -> tuple[SearchAsked, list[Upload]]:
    uploads: list[Upload] = []
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            fields = json.loads(await request.body())
        except (ValueError, RecursionError) as error:
            raise RefusedError(400, f"the body is no JSON: {error}") from None
    elif kind == "multipart/form-data":
        fields, uploads = await _read_form(request, settings)
    else:
        raise RefusedError(415, "a search is sent as multipart/form-data, or as application/json")
    try:
        asked = SearchAsked.model_validate(fields)
    except ValidationError as error:
        raise RefusedError(422, complaint(error.errors())) from None
    if not uploads and asked.text is None and asked.tracklet is None:
        raise RefusedError(422, "say who is looked for: `picture`, `crop`, `text` or `tracklet`")
    return asked, uploads


async def _read_form(request: Request, settings: ServiceSettings) -> tuple[dict[str, Any], list[Upload]]:
    try:
        form = await request.form(max_files=settings.pictures, max_fields=_FIELDS, max_part_size=settings.picture_bytes)
    except HTTPException as error:
        raise RefusedError(400, f"the form cannot be read: {error.detail}") from None
    try:
        fields: dict[str, Any] = {}
        uploads: list[Upload] = []
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if name not in _FILES:
                    raise RefusedError(422, f"there is no field {name!r} for files: send `picture` or `crop`")
                content = await value.read()
                uploads.append(Upload("picture" if name == "picture" else "crop", shown_name(value.filename), content))
            elif name in _FILES:
                raise RefusedError(422, f"{name}: must be a file, with a file name")
            elif name in _LISTS:
                fields.setdefault(name, []).append(value)
            elif name in fields:
                raise RefusedError(422, f"{name}: is given twice")
            else:
                fields[name] = value
        return fields, uploads
    finally:
        await form.close()
