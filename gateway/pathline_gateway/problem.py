"""Errors over HTTP: problem+json (RFC 9457) that says what is wrong, where, and what to do; never the value."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pathline.explain import field_name

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that is an error. `reason` is stable; `extensions` are further members."""

    def __init__(
        self, status: int, reason: str, detail: str, *, headers: Mapping[str, str] | None = None, **extensions: object
    ) -> None:
        self.status, self.reason, self.detail = status, reason, detail
        self.headers = dict(headers or {})
        self.extensions = extensions
        super().__init__(detail)

    def response(self) -> Response:
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
    return problem.response()


async def on_invalid_request(_: Request, invalid: Exception) -> Response:
    """Handler for a request that does not fit its model: the fields and what is wrong, without their values."""
    if not isinstance(invalid, RequestValidationError):
        raise invalid
    errors = [
        {"field": ".".join(field_name(part) for part in e["loc"]), "detail": str(e["msg"])} for e in invalid.errors()
    ]
    first = f"{errors[0]['field']}: {errors[0]['detail']}" if errors else "the request does not fit"
    return Problem(422, "invalid-request", first, errors=errors).response()


async def on_http_error(_: Request, error: Exception) -> Response:
    """Handler for what the framework refuses: unknown path, wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    reason = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "http-error")
    return Problem(error.status_code, reason, str(error.detail), headers=error.headers).response()
