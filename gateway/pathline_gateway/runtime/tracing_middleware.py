"""A server span for every HTTP request, named by its route; the path itself, which may hold an id, is not recorded."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathline_gateway.limits.table import Limits
from pathline_gateway.log_cause import because
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS, NoConnection
from pathline_gateway.telemetry.instruments import start_span
from pathline_gateway.web.problem import Problem

_log = logging.getLogger(__name__)

_INTERNAL_ERROR = Problem(
    500, "internal-error", "this is our fault and not yours: send it again, and tell the operator"
)

_DATABASE_UNAVAILABLE = Problem(
    503,
    "database-unavailable",
    "Postgres does not answer: send the same request again",
    headers={"retry-after": "2"},
)

_MAX_FRAMES = 6
"""Frames of a failure that are logged."""

_TRACE_HEADERS = (b"traceparent", b"tracestate")
_UNTRACED_PATHS = frozenset(("/healthz", "/readyz", "/metrics"))
"""Asked every few seconds by machines; a span each would drown the rest."""


class Interrupted(Exception):
    """A response ended in the middle. It has no message: that of its cause may hold what somebody sent."""


def describe_location(error: BaseException) -> str:
    """The type of an exception and the places that it came through, without its message."""
    frames = [f"{frame.name} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})" for frame in _extract_frames(error)]
    return f"{type(error).__name__} at {' < '.join(reversed(frames[-_MAX_FRAMES:]))}"


def _extract_frames(error: BaseException) -> traceback.StackSummary:
    return traceback.extract_tb(error.__traceback__)


class TracingMiddleware:
    """ASGI middleware: continues the caller's trace, so that a pull or a publish is one trace from its first call.

    The trace of a delivery is ours, and the delivery is over. A request that comes with it is linked to it.
    It answers for what nobody foresaw, too: with a problem that tells nothing, and a log line that tells where.
    """

    def __init__(self, app: ASGIApp, limits: Limits, is_delivery: Callable[[int], bool]) -> None:
        """`is_delivery`: whether this is the trace id of something that was delivered."""
        self._app, self._limits, self._is_delivery = app, limits, is_delivery

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] in _UNTRACED_PATHS:
            await self._app(scope, receive, send)
            return
        (context, links), method = self._parent_or_links(scope), scope["method"]
        attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
        with start_span(method, context=context, kind=SpanKind.SERVER, attributes=attributes, links=links) as span:
            response_started = False

            async def send_traced(message: Message) -> None:
                nonlocal response_started
                if message["type"] == "http.response.start":
                    response_started = True
                    status = message["status"]
                    span.set_attribute("http.response.status_code", status)
                    if status >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await self._app(scope, receive, send_traced)
            except Exception as error:
                # An outage is logged once, and not by each request that meets it.
                level = logging.INFO if isinstance(error, UNAVAILABLE_ERRORS) else logging.ERROR
                _log.log(level, "a request failed: %s", describe_location(error), extra=because(error))
                span.set_attribute("error.type", type(error).__name__)
                if response_started:
                    raise Interrupted from None
                await self._to_problem(error).to_response()(scope, receive, send_traced)
            finally:
                route = getattr(scope.get("route"), "path", None)
                if route is not None:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)

    def _parent_or_links(self, scope: Scope) -> tuple[Context | None, Sequence[Link]]:
        context = _extract_context(scope)
        if context is None:
            return None, ()
        caller = trace.get_current_span(context).get_span_context()
        return (Context(), (Link(caller),)) if self._is_delivery(caller.trace_id) else (context, ())

    def _to_problem(self, error: Exception) -> Problem:
        if isinstance(error, NoConnection):
            return self._limits.named_limit("connection_wait_s").refusal()
        return _DATABASE_UNAVAILABLE if isinstance(error, UNAVAILABLE_ERRORS) else _INTERNAL_ERROR


def _extract_context(scope: Scope) -> Context | None:
    """The caller's trace; None where she has none."""
    trace_headers = {
        name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _TRACE_HEADERS
    }
    return propagate.extract(trace_headers) if trace_headers else None
