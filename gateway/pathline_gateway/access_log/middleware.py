"""Writes the access-log row that a route declares, before its answer leaves."""

from __future__ import annotations

import json
import logging
from typing import Final, cast

import asyncpg
from opentelemetry import trace
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathline_gateway.access_log.access import Outcome
from pathline_gateway.access_log.declarations import ROUTE_ROWS, AccessKind, outcome_of_status
from pathline_gateway.access_log.request_row import RequestRow, track_request
from pathline_gateway.auth.route_permissions import find_route, path_parameters
from pathline_gateway.log_cause import because
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS
from pathline_gateway.web.problem import MEDIA_TYPE, Problem

_log = logging.getLogger(__name__)

REQUEST_ATTRIBUTE: Final = "pathline.request"
"""The attribute of a span that bears the number of the request, as the access log has it."""
_REASONS: Final = {400: "bad-request", 401: "not-signed-in", 403: "forbidden", 404: "not-found", 409: "conflict"}
_URN: Final = "urn:pathline:problem:"
_LOG_UNAVAILABLE: Final = Problem(
    503, "access-log-unavailable", "what you asked for cannot be logged, and so is not told: send it again",
    headers={"retry-after": "2"},
)  # fmt: skip
_FAILED_ROW_TIMEOUT_S: Final = 1.0


class AccessLogMiddleware:
    """ASGI middleware around all that knows who asks, and asks whether she may."""

    def __init__(self, app: ASGIApp, pool: asyncpg.Pool) -> None:
        self._app, self._pool = app, pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        route = find_route(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if route is None or ROUTE_ROWS[route].category is AccessKind.PUBLIC:
            await self._app(scope, receive, send)
            return
        parameters = path_parameters(route, scope["path"])
        with track_request(ROUTE_ROWS[route], route, parameters, _parse_trace_id(Headers(scope=scope)), scope) as row:
            trace.get_current_span().set_attribute(REQUEST_ATTRIBUTE, row.request.number.hex())
            response = _Answer(self._pool, scope, row, receive, send)
            await self._app(scope, receive, response.send)


class _Answer:
    """Holds the head of an answer back until what it is about is in the log."""

    def __init__(self, pool: asyncpg.Pool, scope: Scope, row: RequestRow, receive: Receive, send: Send) -> None:
        self._pool, self._scope, self._row, self._receive, self._send = pool, scope, row, receive, send
        self._response_start: Message | None = None
        self._suppressed = False

    async def send(self, message: Message) -> None:
        """Passes on what may be told."""
        if message["type"] == "http.response.start":
            self._response_start = message
            return
        if self._response_start is not None:
            head, self._response_start = self._response_start, None
            if not await self._write_row(head, message):
                self._suppressed = True
                await _LOG_UNAVAILABLE.to_response()(self._scope, self._receive, self._send)
                return
            await self._send(head)
        if not self._suppressed:
            await self._send(message)

    async def _write_row(self, head: Message, body: Message) -> bool:
        """Whether the answer may leave."""
        row, status = self._row, head["status"]
        row_outcome = outcome_of_status(row.route_row, status)
        if row_outcome is None or not row.is_due:
            return True
        reason = _problem_reason(head, body) if status >= 400 else None
        try:
            async with self._pool.acquire(timeout=_FAILED_ROW_TIMEOUT_S if status >= 500 else None) as connection:
                await row.write(connection, cast(Outcome, row_outcome), reason)
        except UNAVAILABLE_ERRORS as error:
            # What failed has told nothing; all else is told when it is in the log. The outage itself is logged once.
            _log.info("a row of the access log could not be written", extra=because(error))
            return bool(status >= 500)
        row.is_written = True
        return True


def _problem_reason(head: Message, body: Message) -> str:
    """The stable word of a problem; of a page the one of its status."""
    headers = Headers(raw=head["headers"])
    if headers.get("content-type", "").startswith(MEDIA_TYPE):
        problem_type = json.loads(body.get("body") or b"{}").get("type", "")
        if isinstance(problem_type, str) and problem_type.startswith(_URN):
            return problem_type.removeprefix(_URN)
    status = head["status"]
    return _REASONS.get(status, "failed" if status >= 500 else "invalid-request")


def _parse_trace_id(headers: Headers) -> bytes | None:
    """The trace that the caller says that this belongs to (W3C Trace Context)."""
    parts = headers.get("traceparent", "").split("-")
    if len(parts) < 4 or len(parts[1]) != 32:
        return None
    try:
        return bytes.fromhex(parts[1]) or None
    except ValueError:
        return None
