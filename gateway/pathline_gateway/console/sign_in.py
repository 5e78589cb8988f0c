"""`/sign-in`: a browser is sent to the issuer, and known by the token that it comes back for, until it signs out.

Where there is no issuer with a page to sign in at, it shows a token instead.
"""

from __future__ import annotations

import logging
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from pathline_gateway import form
from pathline_gateway.console.page import page
from pathline_gateway.problem import Problem
from pathline_gateway.trust import signing_in
from pathline_gateway.trust.bearer import Refused
from pathline_gateway.trust.caller import EVERYBODY, Caller
from pathline_gateway.trust.gate import COOKIE, Gate
from pathline_gateway.trust.issuer import CALLBACK
from pathline_gateway.trust.keys import IssuerUnavailable
from pathline_gateway.trust.provider import Provider
from pathline_gateway.trust.signing_in import SigningIn

_log = logging.getLogger(__name__)

_HOUR_S: Final = 3600
_MOST_CHARACTERS: Final = 3_800
"""Browsers drop a longer cookie without a word."""
_SIGN_IN: Final = "/sign-in"

Short = Annotated[str, Query(max_length=4_096)]


def routes(gate: Gate, provider: Provider | None) -> APIRouter:
    """`/sign-in`, where the issuer sends people back to, and `/sign-out`."""
    router = APIRouter(include_in_schema=False)

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
        answer.set_cookie(
            signing_in.COOKIE,
            attempt.text,
            max_age=signing_in.SECONDS,
            path=_SIGN_IN,
            httponly=True,
            samesite="lax",
            secure=_secure(request, provider),
        )
        return answer

    @router.get(CALLBACK)
    async def back(request: Request, code: Short = "", state: Short = "", iss: Short = "") -> Response:
        """She is who the issuer says."""
        kept = SigningIn.kept(request.cookies.get(signing_in.COOKIE, ""))
        if provider is None or gate.bearer is None or kept is None or not kept.is_of(state):
            return _failed("other", "")
        try:
            if not code or (iss and iss != provider.issuer):
                raise Refused("no code came, or another issuer's")
            token = await provider.token(code, kept)
            asker = await gate.bearer.caller(token)
        except Refused as refused:
            _log.warning("somebody could not sign in: %s", refused.reason)
            return _failed("refused", kept.to)
        except IssuerUnavailable:
            return _failed("away", kept.to, 503)
        if len(token) > _MOST_CHARACTERS:
            return _failed("long", kept.to)
        # A page, and no redirect: a browser that comes from another site would not send a strict cookie on.
        answer = page("signed_in.html", to=kept.to or signing_in.home(asker))
        answer.delete_cookie(signing_in.COOKIE, path=_SIGN_IN)
        _keep(answer, token, _secure(request, provider))
        return answer

    @router.post(_SIGN_IN)
    async def sign_in(request: Request) -> Response:
        """The token is kept by the browser, where no script of a page reads it."""
        _ours(request)
        token = (await form.sent(request)).get("token", "")
        asker: Caller = EVERYBODY
        try:
            if gate.bearer is not None:
                asker = await gate.bearer.caller(token)
        except (Refused, IssuerUnavailable):
            return page("sign_in.html", 401, referrer="same-origin", refused=True)
        answer = RedirectResponse(signing_in.home(asker), 303)
        _keep(answer, token, _secure(request, provider))
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        """The browser forgets the token."""
        _ours(request)
        answer = RedirectResponse(f"{_SIGN_IN}?out=yes", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    return router


def _asked() -> Response:
    return page("sign_in.html", referrer="same-origin", refused=False)


def _failed(why: str, to: str, status: int = 401) -> Response:
    answer = page("sign_in_failed.html", status, why=why, to=to)
    answer.delete_cookie(signing_in.COOKIE, path=_SIGN_IN)
    return answer


def _keep(answer: Response, token: str, secure: bool) -> None:
    answer.set_cookie(COOKIE, token, max_age=_HOUR_S, httponly=True, samesite="strict", secure=secure)


def _secure(request: Request, provider: Provider | None) -> bool:
    """Whether browsers come by TLS, perhaps to something in front of this gateway."""
    return request.url.scheme == "https" or (provider is not None and provider.client.redirect.startswith("https:"))


def _ours(request: Request) -> None:
    if not form.is_ours(request):
        raise Problem(403, "foreign-form", "the form was not sent by a page of this gateway")
