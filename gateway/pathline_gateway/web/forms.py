"""What somebody sent with a form of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from pathline_gateway.web.patterns import require_storable
from pathline_gateway.web.problem import Problem

_MAX_BYTES = 4_096

M = TypeVar("M", bound=BaseModel)


async def read_form(request: Request) -> dict[str, str]:
    """The last value of each name, without the space around it; nothing when it is too long, or no form.

    Raises Problem where Postgres could not keep it.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            return {}
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True)
    except (ValueError, UnicodeDecodeError):
        return {}
    form = {name: values[-1].strip() for name, values in fields.items()}
    require_storable([(("body", name), part) for name, value in form.items() for part in (name, value)])
    return form


def require_own_page(request: Request, detail: str = "the form was not sent by a page of this gateway") -> None:
    """A page of this host sent it, as far as the browser says: another site's page may not act here. Raises Problem."""
    if not _is_same_origin(request):
        raise Problem(403, "foreign-form", detail)


def _is_same_origin(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def own_form(request: Request) -> dict[str, str]:
    """What was sent with a form of ours, by a page of ours. Raises Problem."""
    require_own_page(request)
    return await read_form(request)


OwnForm = Annotated[dict[str, str], Depends(own_form)]
"""A parameter of every endpoint that a form of a page acts by."""


def parse_form(form: Mapping[str, str], model: type[M], advice: str = "") -> M:
    """What the form says, as this model. Raises Problem with this advice, or with the fields that are wrong."""
    try:
        return model.model_validate(form)
    except ValidationError as caught:
        fields = ", ".join(str(error["loc"][0]) for error in caught.errors() if error["loc"])
        raise Problem(422, "invalid-request", advice or f"{fields}: send what the page asks for") from None
