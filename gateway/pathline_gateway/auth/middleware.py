"""Finds out who calls, and whether she may, before a route does anything."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from fastapi import Depends, Request
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pathline_gateway.auth import cookies
from pathline_gateway.auth.bearer_token import BearerTokens, TokenRejected
from pathline_gateway.auth.caller import EVERYBODY, OF_A_PERSON, OF_AN_ORGANISATION, Caller, Role
from pathline_gateway.auth.cookies import SESSION
from pathline_gateway.auth.jwks import IssuerUnavailable
from pathline_gateway.auth.login_attempt import ours
from pathline_gateway.auth.route_permissions import ACCESS, PUBLIC, roles_for
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.response_headers import STATIC

_log = logging.getLogger(__name__)

PAGES: Final = ("/console", "/desk", "/sign-out")
NOBODY: Final = Caller(frozenset())


Explain = Callable[[str, Problem], Response | None]
"""Given the path: the page that tells a person of the problem; None where programs ask."""


class Refusals(Protocol):
    """Who was refused how often."""

    def look(self, scope: Scope) -> None:
        """Whether somebody may ask from there again. Raises Problem."""

    def count(self, scope: Scope) -> None:
        """Somebody was refused."""


@dataclass(frozen=True)
class Authenticator:
    """Lets callers in. Without a `bearer` auth is off, and everybody is everybody."""

    bearer: BearerTokens | None
    explain: Explain | None = None
    refusals: Refusals | None = None
    """Counts whom it refuses: to find that out costs more than most answers."""
    https: bool = False
    """Browsers come by TLS, to something in front of this gateway, whatever it says of them."""

    def by_tls(self, asked: HTTPConnection) -> bool:
        """Whether she came by TLS."""
        return self.https or asked.scope.get("scheme") == "https"

    async def known(self, asked: HTTPConnection) -> Caller:
        """Who asks. Raises Problem for nobody."""
        if self.bearer is None:
            return EVERYBODY
        if self.refusals is not None:
            self.refusals.look(asked.scope)
        try:
            return await self.bearer.caller(self._token(asked))
        except TokenRejected as refused:
            if self.refusals is not None:
                self.refusals.count(asked.scope)
            _log.warning("a token was refused: %s", refused.reason)
            raise Problem(401, "not-signed-in", _SIGN_IN, headers={"www-authenticate": "Bearer"}) from None
        except IssuerUnavailable:
            raise Problem(
                503, "issuer-unavailable", "who you are cannot be looked up: try again", headers={"retry-after": "5"}
            ) from None

    def _token(self, asked: HTTPConnection) -> str:
        said = asked.headers.getlist("authorization")
        if len(said) == 1 and said[0][:7].lower() == "bearer ":
            return said[0][7:].strip()
        if (
            not said
            and asked.url.path.startswith(PAGES)
            and (kept := cookies.kept(asked, SESSION, https=self.by_tls(asked)))
        ):
            return kept
        raise TokenRejected("none was sent" if not said else "not a bearer token")


_SIGN_IN = "send a valid token of this gateway's issuer as `authorization: Bearer …`"


class AuthMiddleware:
    """ASGI middleware: before anything of a request is read it is known who asks, and whether she may."""

    def __init__(self, app: ASGIApp, gate: Authenticator) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            asked = HTTPConnection(scope)
            try:
                await self._admit(asked, roles_for(scope["method"], scope["path"]))
            except Problem as problem:
                await self._refusal(asked, problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _admit(self, asked: HTTPConnection, roles: frozenset[str] | None) -> None:
        if roles is PUBLIC or asked.scope["path"].startswith(STATIC):
            asked.state.caller = NOBODY
            return
        # Whoever is refused is known, too: the access log has her.
        asked.state.caller = await self._gate.known(asked)
        try:
            _let_in(asked.state.caller, roles)
        except Problem:
            if self._gate.refusals is not None:
                self._gate.refusals.count(asked.scope)
            raise

    def _refusal(self, asked: HTTPConnection, problem: Problem) -> Response:
        """A browser is shown where to sign in, and a person told in a page."""
        path = asked.url.path
        if problem.status == 401 and asked.scope["method"] == "GET" and path.startswith(PAGES):
            to = ours(path) if path.startswith("/desk") else ""
            return RedirectResponse(f"/sign-in?to={to}" if to else "/sign-in", 303)
        told = self._gate.explain(path, problem) if self._gate.explain is not None else None
        return problem.response() if told is None else told


async def admitted(request: Request) -> None:
    """Every route depends on it: a second look, at the route that was taken, whatever its path looked like.

    Raises Problem.
    """
    _let_in(caller(request), ACCESS[f"{request.method} {request.scope['route'].path}"])


def _let_in(asker: Caller, roles: frozenset[str] | None) -> None:
    if roles and not asker.open and not asker.may_be(*roles):
        raise Problem(403, "forbidden", "your roles do not let you do this")


def caller(request: Request) -> Caller:
    """Who asks."""
    found: Caller = request.state.caller
    return found


Asker = Annotated[Caller, Depends(caller)]
"""A parameter of every route that answers one caller otherwise than another."""


def same_hands(asker: Caller) -> str:
    """What is kept of who did something: the role or the organisation, and who of them, by no name."""
    if asker.open:
        return "operator"
    return _hands(asker) if asker.who is None else f"{_hands(asker)}:{asker.who}"


def _hands(asker: Caller) -> str:
    if asker.org is not None and asker.may_be(*OF_AN_ORGANISATION) and not asker.may_be(Role.OPERATOR):
        return asker.org
    return "citizen" if asker.may_be(*OF_A_PERSON) else min(asker.roles)
