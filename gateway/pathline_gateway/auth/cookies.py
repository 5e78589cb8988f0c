"""How browsers keep our cookies: for this host alone where they come by TLS, so that no neighbour can set one."""

from __future__ import annotations

from typing import Final, Literal

from starlette.requests import HTTPConnection
from starlette.responses import Response

SESSION_COOKIE: Final = "pathline-session"
"""Holds the token of somebody who signed in with a browser; believed on pages only, never by the API."""
LOGIN_ATTEMPT_COOKIE: Final = "pathline-signing-in"
"""Holds what belongs to one attempt to sign in."""


def cookie_name(cookie: str, *, https: bool) -> str:
    """What the cookie is called. Without TLS a browser would drop one with the prefix."""
    return f"__Host-{cookie}" if https else cookie


def read_cookie(connection: HTTPConnection, cookie: str, *, https: bool) -> str:
    """What the browser has kept; nothing where it has not."""
    return connection.cookies.get(cookie_name(cookie, https=https), "")


def set_cookie(
    response: Response, cookie: str, value: str, max_age_s: int, *, https: bool, same_site: Literal["lax", "strict"]
) -> None:
    """The browser keeps it for so long, where no script reads it."""
    full_name = cookie_name(cookie, https=https)
    response.set_cookie(full_name, value, max_age=max_age_s, path="/", httponly=True, samesite=same_site, secure=https)


def delete_cookie(response: Response, cookie: str, *, https: bool) -> None:
    """Tells the browser to delete the cookie."""
    response.delete_cookie(cookie_name(cookie, https=https), path="/", httponly=True, samesite="strict", secure=https)
