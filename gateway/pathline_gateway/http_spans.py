"""A server span for every HTTP request, named by its route; the path itself, which may hold an id, is not recorded."""

from __future__ import annotations

from opentelemetry import propagate
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathline_gateway.telemetry import TRACER

_QUIET = frozenset(("/healthz", "/readyz", "/metrics"))
"""Asked every few seconds by machines; a span each would drown the rest."""


class HttpSpans:
    """ASGI middleware: continues the caller's trace, so that a pull or a publish is one trace from its first call."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        context = propagate.extract({name: headers[name] for name in ("traceparent", "tracestate") if name in headers})
        method = scope["method"]
        with TRACER.start_as_current_span(
            method, context, SpanKind.SERVER, {"http.request.method": method, "url.scheme": scope["scheme"]}
        ) as span:

            async def answered(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    span.set_attribute("http.response.status_code", status)
                    if status >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await self._app(scope, receive, answered)
            finally:
                route = getattr(scope.get("route"), "path", None)
                if route is not None:
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
