"""Errors over HTTP: problem+json (RFC 9457) that says what is wrong, where, and what to do; never the value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from pathline.explain import field_name

MEDIA_TYPE = "application/problem+json"

_SCHEMA: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "urn:pathline:problem: and the reason, which is stable"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong, where, and what to do; never the value"},
    },
}
_CONTENT: Final = {MEDIA_TYPE: {"schema": _SCHEMA}}

ERROR_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "The request is wrong: change it", "content": _CONTENT},
    "5XX": {"description": "The gateway cannot answer now: send it again later", "content": _CONTENT},
}
"""What every route may answer besides, for its OpenAPI description."""


class Problem(Exception):
    """An answer that is an error. `reason` is stable; `extensions` are further members."""

    def __init__(
        self, status: int, reason: str, detail: str, *, headers: Mapping[str, str] | None = None, **extensions: object
    ) -> None:
        self.status, self.reason, self.detail = status, reason, detail
        self.headers = dict(headers or {})
        self.extensions = extensions
        super().__init__(detail)

    def to_response(self) -> Response:
        """The problem as problem+json."""
        body = {
            "type": f"urn:pathline:problem:{self.reason}",
            "title": self.reason.replace("-", " "),
            "status": self.status,
            "detail": self.detail,
            **self.extensions,
        }
        return Response(orjson.dumps(body), self.status, self.headers, MEDIA_TYPE)


async def on_problem(_: Request, problem: Exception) -> Response:
    """Handler for Problem."""
    if not isinstance(problem, Problem):
        raise problem
    return problem.to_response()


async def on_invalid_request(_: Request, invalid: Exception) -> Response:
    """Handler for a request that does not fit its model: the fields and what is wrong, without their values."""
    if not isinstance(invalid, RequestValidationError):
        raise invalid
    errors = [
        {"field": ".".join(field_name(part) for part in e["loc"]), "detail": _detail(e)} for e in invalid.errors()
    ]
    first = f"{errors[0]['field']}: {errors[0]['detail']}" if errors else "the request does not fit"
    return Problem(422, "invalid-request", first, errors=errors).to_response()


def _detail(error: Mapping[str, object]) -> str:
    # The sentence of pydantic about an id shows a part of it.
    return "must be a UUID" if error["type"] == "uuid_parsing" else str(error["msg"])
