"""Security and caching headers of every answer."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC_PREFIX: Final = "/console/static/"
_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
_NO_STORE: Final = (b"cache-control", b"no-store")
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
"""A year. Not of subdomains: they are others'."""


class ResponseHeadersMiddleware:
    """ASGI middleware: no answer is kept or guessed at, unless its route says so."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app, self._https = app, https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        security_headers = [_NOSNIFF] if scope["path"].startswith(STATIC_PREFIX) else [_NOSNIFF, _NO_STORE]
        if self._https or scope.get("scheme") == "https":
            security_headers.append(_HSTS)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                names = {name.lower() for name, _ in headers}
                message = {**message, "headers": headers + [each for each in security_headers if each[0] not in names]}
            await send(message)

        await self._app(scope, receive, with_headers)
