"""`/sign-in`: a browser is sent to the issuer, and known by the token that it comes back for, until it signs out.

Where there is no issuer with a page to sign in at, it shows a token instead.
"""

from __future__ import annotations

import logging
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from pathline_gateway.auth import cookies, login_attempt
from pathline_gateway.auth.bearer_token import TokenRejected
from pathline_gateway.auth.caller import EVERYBODY, Caller
from pathline_gateway.auth.cookies import SESSION, SIGNING_IN
from pathline_gateway.auth.dev_issuer.issuer import CALLBACK
from pathline_gateway.auth.jwks import IssuerUnavailable
from pathline_gateway.auth.login_attempt import SigningIn
from pathline_gateway.auth.middleware import Authenticator
from pathline_gateway.auth.oidc_client import Provider
from pathline_gateway.postgres.pool import UNAVAILABLE
from pathline_gateway.web import forms
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import page

_log = logging.getLogger(__name__)

_HOUR_S: Final = 3600
_MOST_CHARACTERS: Final = 3_800
"""Browsers drop a longer cookie without a word."""
_SIGN_IN: Final = "/sign-in"

_HERE_ALONE: Final = Problem(
    503,
    "database-unavailable",
    "you are signed out here; elsewhere the token is good until it expires: sign in, and sign out again",
    headers={"retry-after": "5"},
)

Short = Annotated[str, Query(max_length=4_096)]


def routes(gate: Authenticator, provider: Provider | None) -> APIRouter:
    """`/sign-in`, where the issuer sends people back to, and `/sign-out`."""
    router = APIRouter(include_in_schema=False)

    def keep(request: Request, answer: Response, token: str) -> None:
        cookies.keep(answer, SESSION, token, _HOUR_S, https=gate.by_tls(request), site="strict")

    def failed(request: Request, why: str, to: str, status: int = 401) -> Response:
        answer = page("sign_in_failed.html", status, why=why, to=to)
        cookies.drop(answer, SIGNING_IN, https=gate.by_tls(request))
        return answer

    @router.get(_SIGN_IN)
    async def ask(request: Request, to: Short = "", out: Short = "") -> Response:
        """Who are you? Whoever has just signed out is asked when she wants to be."""
        if provider is None:
            return _asked()
        if out:
            return page("signed_out.html")
        attempt = SigningIn.begun(to)
        try:
            address = await provider.address(attempt)
        except IssuerUnavailable:
            return page("sign_in_failed.html", 503, why="away", to=attempt.to)
        if address is None:
            return _asked()
        answer = RedirectResponse(address, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})
        # Lax: the issuer is another site, and the browser comes back from there.
        cookies.keep(answer, SIGNING_IN, attempt.text, login_attempt.SECONDS, https=gate.by_tls(request), site="lax")
        return answer

    @router.get(CALLBACK)
    async def back(request: Request, code: Short = "", state: Short = "", iss: Short = "") -> Response:
        """She is who the issuer says."""
        kept = SigningIn.kept(cookies.kept(request, SIGNING_IN, https=gate.by_tls(request)))
        if provider is None or gate.bearer is None or kept is None or not kept.is_of(state):
            return failed(request, "other", "")
        try:
            if not code or (iss and iss != provider.issuer):
                raise TokenRejected("no code came, or another issuer's")
            token = await provider.token(code, kept)
            asker = await gate.bearer.caller(token)
        except TokenRejected as refused:
            _log.warning("somebody could not sign in: %s", refused.reason)
            return failed(request, "refused", kept.to)
        except IssuerUnavailable:
            return failed(request, "away", kept.to, 503)
        if len(token) > _MOST_CHARACTERS:
            return failed(request, "long", kept.to)
        # A page, and no redirect: a browser that comes from another site would not send a strict cookie on.
        answer = page("signed_in.html", to=kept.to or login_attempt.home(asker))
        cookies.drop(answer, SIGNING_IN, https=gate.by_tls(request))
        keep(request, answer, token)
        return answer

    @router.post(_SIGN_IN)
    async def sign_in(request: Request) -> Response:
        """The token is kept by the browser, where no script of a page reads it."""
        _ours(request)
        token = (await forms.sent(request)).get("token", "")
        asker: Caller = EVERYBODY
        try:
            if gate.bearer is not None:
                asker = await gate.bearer.caller(token)
        except (TokenRejected, IssuerUnavailable):
            return page("sign_in.html", 401, referrer="same-origin", refused=True)
        answer = RedirectResponse(login_attempt.home(asker), 303)
        keep(request, answer, token)
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        """The token is believed no longer, wherever it is, and the browser forgets it; so it is for a program's."""
        program = "authorization" in request.headers
        if not program:
            _ours(request)
        answer: Response = Response(status_code=204) if program else RedirectResponse(f"{_SIGN_IN}?out=yes", 303)
        try:
            await _end(gate, request)
        except UNAVAILABLE:
            answer = _HERE_ALONE.response()
        except Problem:
            if program:
                raise
        cookies.drop(answer, SESSION, https=gate.by_tls(request))
        return answer

    return router


async def _end(gate: Authenticator, request: Request) -> None:
    """The session ends. Raises Problem where there is none, and what the database raises."""
    session = (await gate.known(request)).session
    if session is not None and gate.bearer is not None and gate.bearer.sessions is not None:
        await gate.bearer.sessions.end(session)


def _asked() -> Response:
    return page("sign_in.html", referrer="same-origin", refused=False)


def _ours(request: Request) -> None:
    if not forms.is_ours(request):
        raise Problem(403, "foreign-form", "the form was not sent by a page of this gateway")
