"""Writes the access-log row that a route declares, before its answer leaves."""

from __future__ import annotations

import json
import logging
from typing import Final, cast

import asyncpg
from opentelemetry import trace
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathline_gateway.access_log.declarations import ROWS, About, outcome
from pathline_gateway.access_log.request_row import RequestRow, requesting
from pathline_gateway.access_log.writer import Outcome
from pathline_gateway.auth.route_permissions import parameters_of, route_of
from pathline_gateway.postgres.pool import UNAVAILABLE
from pathline_gateway.web.problem import MEDIA_TYPE, Problem

_log = logging.getLogger(__name__)

REQUEST: Final = "pathline.request"
"""The attribute of a span that bears the number of the request, as the access log has it."""
_REASONS: Final = {400: "bad-request", 401: "not-signed-in", 403: "forbidden", 404: "not-found", 409: "conflict"}
_URN: Final = "urn:pathline:problem:"
_UNWRITTEN: Final = Problem(
    503, "access-log-unavailable", "what you asked for cannot be logged, and so is not told: send it again",
    headers={"retry-after": "2"},
)  # fmt: skip
_FAILED_WITHIN_S: Final = 1.0


class AccessRows:
    """ASGI middleware around all that knows who asks, and asks whether she may."""

    def __init__(self, app: ASGIApp, pool: asyncpg.Pool) -> None:
        self._app, self._pool = app, pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        route = route_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if route is None or ROWS[route].about is About.PUBLIC:
            await self._app(scope, receive, send)
            return
        given = parameters_of(route, scope["path"])
        with requesting(ROWS[route], route, given, _trace(Headers(scope=scope)), scope) as row:
            trace.get_current_span().set_attribute(REQUEST, row.request.number.hex())
            answer = _Answer(self._pool, scope, row, receive, send)
            await self._app(scope, receive, answer.send)


class _Answer:
    """Holds the head of an answer back until what it is about is in the log."""

    def __init__(self, pool: asyncpg.Pool, scope: Scope, row: RequestRow, receive: Receive, send: Send) -> None:
        self._pool, self._scope, self._row, self._receive, self._send = pool, scope, row, receive, send
        self._head: Message | None = None
        self._silent = False

    async def send(self, message: Message) -> None:
        """Passes on what may be told."""
        if message["type"] == "http.response.start":
            self._head = message
            return
        if self._head is not None:
            head, self._head = self._head, None
            if not await self._written(head, message):
                self._silent = True
                await _UNWRITTEN.response()(self._scope, self._receive, self._send)
                return
            await self._send(head)
        if not self._silent:
            await self._send(message)

    async def _written(self, head: Message, body: Message) -> bool:
        """Whether the answer may leave."""
        row, status = self._row, head["status"]
        said = outcome(row.declared, status)
        if said is None or not row.is_due:
            return True
        reason = _reason(head, body) if status >= 400 else None
        try:
            async with self._pool.acquire(timeout=_FAILED_WITHIN_S if status >= 500 else None) as connection:
                await row.write(connection, cast(Outcome, said), reason)
        except UNAVAILABLE:
            # What failed has told nothing; all else is told when it is in the log.
            _log.error("access log: a row could not be written")
            return bool(status >= 500)
        row.written = True
        return True


def _reason(head: Message, body: Message) -> str:
    """The stable word of a problem; of a page the one of its status."""
    headers = Headers(raw=head["headers"])
    if headers.get("content-type", "").startswith(MEDIA_TYPE):
        said = json.loads(body.get("body") or b"{}").get("type", "")
        if isinstance(said, str) and said.startswith(_URN):
            return said.removeprefix(_URN)
    status = head["status"]
    return _REASONS.get(status, "failed" if status >= 500 else "invalid-request")


def _trace(headers: Headers) -> bytes | None:
    """The trace that the caller says that this belongs to (W3C Trace Context)."""
    parts = headers.get("traceparent", "").split("-")
    if len(parts) < 4 or len(parts[1]) != 32:
        return None
    try:
        return bytes.fromhex(parts[1]) or None
    except ValueError:
        return None
