"""The way of a pull past what FastAPI does for every request, and this route does not need.

The route that FastAPI knows describes it in `/openapi.json`, and answers what is not written as a UUID usually is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

Pulled = Callable[[UUID, str | None], Awaitable[Response]]
"""The answer to a pull of this pathway, given `If-None-Match`."""

PATH = "/v1/pathways/{pathway}"


def quick_route(pulled: Pulled) -> Route:
    """The same answers as the route at `PATH`, to stand before it; asks nobody who she is: for an open gate."""
    return _Plain("/v1/pathways/{pathway:uuid}", _Endpoint(pulled), methods=["GET"], include_in_schema=False)


class _Plain(Route):
    """A route of requests without a query."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """None for a request with a query: that is the other route's."""
        return (Match.NONE, {}) if scope.get("query_string") else super().matches(scope)


class _Endpoint:
    path = PATH
    """As spans name the route."""

    def __init__(self, pulled: Pulled) -> None:
        self._pulled = pulled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self
        wanted = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"), None)
        response = await self._pulled(scope["path_params"]["pathway"], wanted)
        await response(scope, receive, send)
