"""How browsers keep our cookies: for this host alone where they come by TLS, so that no neighbour can set one."""

from __future__ import annotations

from typing import Final, Literal

from starlette.requests import HTTPConnection
from starlette.responses import Response

SESSION: Final = "pathline-session"
"""Holds the token of somebody who signed in with a browser; believed on pages only, never by the API."""
SIGNING_IN: Final = "pathline-signing-in"
"""Holds what belongs to one attempt to sign in."""


def name(cookie: str, *, https: bool) -> str:
    """What the cookie is called. Without TLS a browser would drop one with the prefix."""
    return f"__Host-{cookie}" if https else cookie


def kept(asked: HTTPConnection, cookie: str, *, https: bool) -> str:
    """What the browser has kept; nothing where it has not."""
    return asked.cookies.get(name(cookie, https=https), "")


def keep(
    answer: Response, cookie: str, value: str, seconds: int, *, https: bool, site: Literal["lax", "strict"]
) -> None:
    """The browser keeps it for so long, where no script reads it."""
    named = name(cookie, https=https)
    answer.set_cookie(named, value, max_age=seconds, path="/", httponly=True, samesite=site, secure=https)


def drop(answer: Response, cookie: str, *, https: bool) -> None:
    """The browser forgets it."""
    answer.delete_cookie(name(cookie, https=https), path="/", httponly=True, samesite="strict", secure=https)
