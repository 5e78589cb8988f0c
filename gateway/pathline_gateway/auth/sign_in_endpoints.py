"""`/sign-in`: a browser is sent to the issuer, and known by the token that it comes back for, until it signs out.

Where there is no issuer with a page to sign in at, it shows a token instead.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import RedirectResponse

from pathline_gateway.auth import cookies, login_attempt
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller
from pathline_gateway.auth.cookies import LOGIN_ATTEMPT_COOKIE, SESSION_COOKIE
from pathline_gateway.auth.dev_issuer.issuer import CALLBACK_PATH
from pathline_gateway.auth.jwks import IssuerUnavailable
from pathline_gateway.auth.jwt_verification import TokenRejected
from pathline_gateway.auth.login_attempt import LoginAttempt
from pathline_gateway.auth.middleware import Authenticator
from pathline_gateway.auth.oidc_client import Provider
from pathline_gateway.log_cause import because
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS
from pathline_gateway.web.context import service
from pathline_gateway.web.forms import OwnForm, require_own_page
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import render_page

_log = logging.getLogger(__name__)

_HOUR_S: Final = 3600
_MAX_COOKIE_LENGTH: Final = 3_800
"""Browsers drop a longer cookie without a word."""
_SIGN_IN_PATH: Final = "/sign-in"

_SIGNED_OUT_LOCALLY: Final = Problem(
    503,
    "database-unavailable",
    "you are signed out here; elsewhere the token is good until it expires: sign in, and sign out again",
    headers={"retry-after": "5"},
)

Short = Annotated[str, Query(max_length=4_096)]


@dataclass(frozen=True)
class BrowserSignIn:
    """Where people sign in with a browser."""

    provider: Provider | None
    """None where they show a token instead, or nobody is asked."""


async def _provider(browser_sign_in: Annotated[BrowserSignIn, Depends(service(BrowserSignIn))]) -> Provider | None:
    return browser_sign_in.provider


Auth = Annotated[Authenticator, Depends(service(Authenticator))]
SignInProvider = Annotated[Provider | None, Depends(_provider)]

router = APIRouter(include_in_schema=False)


@router.get(_SIGN_IN_PATH)
async def start_sign_in(
    authenticator: Auth, provider: SignInProvider, request: Request, to: Short = "", out: Short = ""
) -> Response:
    """Who are you? Whoever has just signed out is asked when she wants to be."""
    if provider is None:
        return _sign_in_page()
    if out:
        return render_page("signed_out.html")
    attempt = LoginAttempt.start(to)
    try:
        address = await provider.authorization_url(attempt)
    except IssuerUnavailable:
        return render_page("sign_in_failed.html", 503, why="away", to=attempt.return_path)
    if address is None:
        return _sign_in_page()
    response = RedirectResponse(address, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})
    # Lax: the issuer is another site, and the browser comes back from there.
    cookies.set_cookie(
        response,
        LOGIN_ATTEMPT_COOKIE,
        attempt.cookie_value,
        login_attempt.LIFETIME_S,
        https=authenticator.is_secure(request),
        same_site="lax",
    )
    return response


@router.get(CALLBACK_PATH)
async def handle_callback(
    authenticator: Auth,
    provider: SignInProvider,
    request: Request,
    code: Short = "",
    state: Short = "",
    iss: Short = "",
) -> Response:
    """She is who the issuer says."""
    attempt = LoginAttempt.parse_cookie(
        cookies.read_cookie(request, LOGIN_ATTEMPT_COOKIE, https=authenticator.is_secure(request))
    )
    if provider is None or authenticator.bearer is None or attempt is None or not attempt.matches_state(state):
        return _failure_page(authenticator, request, "other", "")
    try:
        if not code or (iss and iss != provider.issuer):
            raise TokenRejected("no code came, or another issuer's")
        token = await provider.exchange_code(code, attempt)
        caller = await authenticator.bearer.authenticate(token)
    except TokenRejected as error:
        _log.warning("somebody could not sign in: %s", error.reason, extra=because(error.reason))
        return _failure_page(authenticator, request, "refused", attempt.return_path)
    except IssuerUnavailable:
        return _failure_page(authenticator, request, "away", attempt.return_path, 503)
    if len(token) > _MAX_COOKIE_LENGTH:
        return _failure_page(authenticator, request, "long", attempt.return_path)
    # A page, and no redirect: a browser that comes from another site would not send a strict cookie on.
    response = render_page("signed_in.html", to=attempt.return_path or login_attempt.home_page(caller))
    cookies.delete_cookie(response, LOGIN_ATTEMPT_COOKIE, https=authenticator.is_secure(request))
    _set_session_cookie(authenticator, request, response, token)
    return response


@router.post(_SIGN_IN_PATH)
async def sign_in(authenticator: Auth, form: OwnForm, request: Request) -> Response:
    """The token is kept by the browser, where no script of a page reads it."""
    token = form.get("token", "")
    caller: Caller = AUTH_DISABLED_CALLER
    try:
        if authenticator.bearer is not None:
            caller = await authenticator.bearer.authenticate(token)
    except (TokenRejected, IssuerUnavailable):
        return render_page("sign_in.html", 401, referrer="same-origin", refused=True)
    response = RedirectResponse(login_attempt.home_page(caller), 303)
    _set_session_cookie(authenticator, request, response, token)
    return response


@router.post("/sign-out")
async def sign_out(authenticator: Auth, request: Request) -> Response:
    """The token is believed no longer, wherever it is, and the browser forgets it; so it is for a program's."""
    is_program = "authorization" in request.headers
    if not is_program:
        require_own_page(request)
    response: Response = Response(status_code=204) if is_program else RedirectResponse(f"{_SIGN_IN_PATH}?out=yes", 303)
    try:
        await _end_session(authenticator, request)
    except UNAVAILABLE_ERRORS:
        response = _SIGNED_OUT_LOCALLY.to_response()
    except Problem:
        if is_program:
            raise
    cookies.delete_cookie(response, SESSION_COOKIE, https=authenticator.is_secure(request))
    return response


async def _end_session(authenticator: Authenticator, request: Request) -> None:
    """The session ends. Raises Problem where there is none, and what the database raises."""
    session = (await authenticator.authenticate(request)).session
    if session is not None and authenticator.bearer is not None and authenticator.bearer.sessions is not None:
        await authenticator.bearer.sessions.end(session)


def _sign_in_page() -> Response:
    return render_page("sign_in.html", referrer="same-origin", refused=False)


def _set_session_cookie(authenticator: Authenticator, request: Request, response: Response, token: str) -> None:
    cookies.set_cookie(
        response, SESSION_COOKIE, token, _HOUR_S, https=authenticator.is_secure(request), same_site="strict"
    )


def _failure_page(authenticator: Authenticator, request: Request, why: str, to: str, status: int = 401) -> Response:
    response = render_page("sign_in_failed.html", status, why=why, to=to)
    cookies.delete_cookie(response, LOGIN_ATTEMPT_COOKIE, https=authenticator.is_secure(request))
    return response
