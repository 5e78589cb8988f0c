"""Middleware that answers a pull before all other middleware, while auth is off: a pull needs none of it then.

The route that FastAPI knows describes it in `/openapi.json`, and answers what is not written as a UUID usually is.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from uuid import UUID

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pathline_gateway.web.problem import Problem

Pulled = Callable[[UUID, str | None], Awaitable[Response]]
"""The answer to a pull of this pathway, given `If-None-Match`. Raises Problem."""

PATH = "/v1/pathways/{pathway}"
_PLAIN_PATH = re.compile(r"/v1/pathways/([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})", re.ASCII | re.IGNORECASE)


class FastPullMiddleware:
    """ASGI middleware: answers a pull as the route at `PATH` does, and asks nobody who she is."""

    path = PATH
    """As spans name the route."""

    def __init__(self, app: ASGIApp, pulled: Pulled) -> None:
        self._app, self._pull = app, pulled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        pathway = _plain_pathway_id(scope)
        if pathway is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = self
        if_none_match = next(
            (value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"), None
        )
        try:
            response = await self._pull(pathway, if_none_match)
        except Problem as problem:
            response = problem.to_response()
        await response(scope, receive, send)


def _plain_pathway_id(scope: Scope) -> UUID | None:
    """Which pathway is wanted, where that is plain."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["query_string"]:
        return None
    match = _PLAIN_PATH.fullmatch(scope["path"])
    return None if match is None else UUID(match[1])
