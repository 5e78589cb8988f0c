"""Finds out who calls, and whether she may, before a route does anything."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from fastapi import Depends, Request
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pathline_gateway.auth import cookies
from pathline_gateway.auth.bearer_token import BearerTokens
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, ORGANISATION_ROLES, PERSON_ROLES, Caller, Role
from pathline_gateway.auth.cookies import SESSION_COOKIE
from pathline_gateway.auth.jwks import IssuerUnavailable
from pathline_gateway.auth.jwt_verification import TokenRejected
from pathline_gateway.auth.login_attempt import own_page_path
from pathline_gateway.auth.route_permissions import PUBLIC, ROUTE_ROLES, roles_for
from pathline_gateway.log_cause import because
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.response_headers import STATIC_PREFIX

_log = logging.getLogger(__name__)

PAGE_PREFIXES: Final = ("/console", "/desk", "/sign-out")
ANONYMOUS_CALLER: Final = Caller(frozenset())


class Explain(Protocol):
    """Tells a person of a problem."""

    def __call__(self, path: str, problem: Problem, accept: str = "") -> Response | None:
        """The page, given what kinds of answer are asked for; None where programs ask."""


class Refusals(Protocol):
    """Who was refused how often."""

    def check(self, scope: Scope) -> None:
        """Whether somebody may ask from there again. Raises Problem."""

    def record(self, scope: Scope) -> None:
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

    def is_secure(self, connection: HTTPConnection) -> bool:
        """Whether she came by TLS."""
        return self.https or connection.scope.get("scheme") == "https"

    async def authenticate(self, connection: HTTPConnection) -> Caller:
        """Who asks. Raises Problem for nobody."""
        if self.bearer is None:
            return AUTH_DISABLED_CALLER
        if self.refusals is not None:
            self.refusals.check(connection.scope)
        try:
            return await self.bearer.authenticate(self._read_token(connection))
        except TokenRejected as error:
            if self.refusals is not None:
                self.refusals.record(connection.scope)
            _log.warning("a token was refused: %s", error.reason, extra=because(error.reason))
            raise Problem(401, "not-signed-in", _SIGN_IN_ADVICE, headers={"www-authenticate": "Bearer"}) from None
        except IssuerUnavailable:
            raise Problem(
                503, "issuer-unavailable", "who you are cannot be looked up: try again", headers={"retry-after": "5"}
            ) from None

    def _read_token(self, connection: HTTPConnection) -> str:
        headers = connection.headers.getlist("authorization")
        if len(headers) == 1 and headers[0][:7].lower() == "bearer ":
            return headers[0][7:].strip()
        if (
            not headers
            and connection.url.path.startswith(PAGE_PREFIXES)
            and (cookie := cookies.read_cookie(connection, SESSION_COOKIE, https=self.is_secure(connection)))
        ):
            return cookie
        raise TokenRejected("none was sent" if not headers else "not a bearer token")


_SIGN_IN_ADVICE = "send a valid token of this gateway's issuer as `authorization: Bearer …`"


class AuthMiddleware:
    """ASGI middleware: before anything of a request is read it is known who asks, and whether she may."""

    def __init__(self, app: ASGIApp, gate: Authenticator) -> None:
        self._app, self._authenticator = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            connection = HTTPConnection(scope)
            try:
                await self._authorize(connection, roles_for(scope["method"], scope["path"]))
            except Problem as problem:
                await self._refusal_response(connection, problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _authorize(self, connection: HTTPConnection, roles: frozenset[str] | None) -> None:
        if roles is PUBLIC or connection.scope["path"].startswith(STATIC_PREFIX):
            connection.state.caller = ANONYMOUS_CALLER
            return
        # Whoever is refused is known, too: the access log has her.
        connection.state.caller = await self._authenticator.authenticate(connection)
        try:
            require_role(connection.state.caller, roles)
        except Problem:
            if self._authenticator.refusals is not None:
                self._authenticator.refusals.record(connection.scope)
            raise

    def _refusal_response(self, connection: HTTPConnection, problem: Problem) -> Response:
        """A browser is shown where to sign in, and a person told in a page."""
        path = connection.url.path
        if problem.status == 401 and connection.scope["method"] == "GET" and path.startswith(PAGE_PREFIXES):
            return_path = own_page_path(path) if path.startswith("/desk") else ""
            return RedirectResponse(f"/sign-in?to={return_path}" if return_path else "/sign-in", 303)
        accept = connection.headers.get("accept", "") if connection.scope["method"] == "GET" else ""
        explain = self._authenticator.explain
        explanation = explain(path, problem, accept) if explain is not None else None
        return problem.to_response() if explanation is None else explanation


async def authorize_route(request: Request) -> None:
    """Every route depends on it: a second look, at the route that was taken, whatever its path looked like.

    Raises Problem.
    """
    require_role(_caller_of(request), ROUTE_ROLES[f"{request.method} {request.scope['route'].path}"])


def require_role(caller: Caller, roles: frozenset[str] | None) -> None:
    """The caller has one of these roles, or nobody is asked. Raises Problem."""
    if roles and not caller.auth_disabled and not caller.has_any_role(*roles):
        raise Problem(403, "forbidden", "your roles do not let you do this")


async def current_caller(request: Request) -> Caller:
    """Who asks; nobody, with no role, where nothing has found that out."""
    return _caller_of(request)


def _caller_of(request: Request) -> Caller:
    current: Caller = getattr(request.state, "caller", ANONYMOUS_CALLER)
    return current


Asker = Annotated[Caller, Depends(current_caller)]
"""A parameter of every route that answers one caller otherwise than another."""


def actor_label(caller: Caller) -> str:
    """What is kept of who did something: the role or the organisation, and who of them, by no name."""
    if caller.auth_disabled:
        return "operator"
    return (
        _role_or_organisation(caller)
        if caller.actor_id is None
        else f"{_role_or_organisation(caller)}:{caller.actor_id}"
    )


def _role_or_organisation(caller: Caller) -> str:
    if caller.org is not None and caller.has_any_role(*ORGANISATION_ROLES) and not caller.has_any_role(Role.OPERATOR):
        return caller.org
    return "citizen" if caller.has_any_role(*PERSON_ROLES) else min(caller.roles)
