"""A server span for every HTTP request, named by its route; the path itself, which may hold an id, is not recorded."""

from __future__ import annotations

import logging
import traceback

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathline_gateway.limits.table import Limits
from pathline_gateway.postgres.pool import UNAVAILABLE, NoConnection
from pathline_gateway.telemetry.instruments import spanning
from pathline_gateway.web.problem import Problem

_log = logging.getLogger(__name__)

_INTERNAL = Problem(500, "internal-error", "this is our fault and not yours: send it again, and tell the operator")

_AWAY = Problem(
    503,
    "database-unavailable",
    "Postgres does not answer: send the same request again",
    headers={"retry-after": "2"},
)

_PLACES = 6
"""Frames of a failure that are logged."""

_PASSED_ON = (b"traceparent", b"tracestate")
_QUIET = frozenset(("/healthz", "/readyz", "/metrics"))
"""Asked every few seconds by machines; a span each would drown the rest."""


class Interrupted(Exception):
    """A response ended in the middle. It has no message: that of its cause may hold what somebody sent."""


def where(failed: BaseException) -> str:
    """The type of an exception and the places that it came through, without its message."""
    places = [f"{frame.name} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})" for frame in _frames(failed)]
    return f"{type(failed).__name__} at {' < '.join(reversed(places[-_PLACES:]))}"


def _frames(failed: BaseException) -> traceback.StackSummary:
    return traceback.extract_tb(failed.__traceback__)


class HttpSpans:
    """ASGI middleware: continues the caller's trace, so that a pull or a publish is one trace from its first call.

    It answers for what nobody foresaw, too: with a problem that tells nothing, and a log line that tells where.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self._app(scope, receive, send)
            return
        context, method = _continued(scope), scope["method"]
        attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
        with spanning(method, context=context, kind=SpanKind.SERVER, attributes=attributes) as span:
            began = False

            async def answered(message: Message) -> None:
                nonlocal began
                if message["type"] == "http.response.start":
                    began = True
                    status = message["status"]
                    span.set_attribute("http.response.status_code", status)
                    if status >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await self._app(scope, receive, answered)
            except Exception as failed:
                _log.error("a request failed: %s", where(failed))
                span.set_attribute("error.type", type(failed).__name__)
                if began:
                    raise Interrupted from None
                await self._problem(failed).response()(scope, receive, answered)
            finally:
                route = getattr(scope.get("route"), "path", None)
                if route is not None:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)

    def _problem(self, failed: Exception) -> Problem:
        if isinstance(failed, NoConnection):
            return self._limits.named("connection_wait_s").refusal()
        return _AWAY if isinstance(failed, UNAVAILABLE) else _INTERNAL


def _continued(scope: Scope) -> Context | None:
    """The caller's trace; None where she has none."""
    sent = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _PASSED_ON}
    return propagate.extract(sent) if sent else None
