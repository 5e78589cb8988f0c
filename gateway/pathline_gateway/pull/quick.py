"""The way of a pull past what FastAPI does for every request, and this route does not need.

The route that FastAPI knows describes it in `/openapi.json`, and answers what is not written as a UUID usually is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from pathline_gateway.trust.gate import Gate

Pulled = Callable[[UUID, str | None], Awaitable[Response]]
"""The answer to a pull of this pathway, given `If-None-Match`."""

PATH = "/v1/pathways/{pathway}"


def quick_route(gate: Gate, pulled: Pulled) -> Route:
    """The same answers as the route at `PATH`; to stand before it."""
    return Route("/v1/pathways/{pathway:uuid}", _Endpoint(gate, pulled), methods=["GET"], include_in_schema=False)


class _Endpoint:
    path = PATH
    """As spans name the route."""

    def __init__(self, gate: Gate, pulled: Pulled) -> None:
        self._gate, self._pulled = gate, pulled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self
        await self._gate.admit(HTTPConnection(scope), f"GET {PATH}")
        wanted = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"), None)
        response = await self._pulled(scope["path_params"]["pathway"], wanted)
        await response(scope, receive, send)
