"""`/sign-in`: a browser shows the token of its user, and is known by it until it ends or signs out."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from pathline_gateway import form
from pathline_gateway.console.page import page
from pathline_gateway.problem import Problem
from pathline_gateway.trust.bearer import Refused
from pathline_gateway.trust.gate import COOKIE, Gate
from pathline_gateway.trust.keys import IssuerUnavailable

_HOUR_S: Final = 3600


def routes(gate: Gate) -> APIRouter:
    """`/sign-in` and `/sign-out`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in")
    async def ask() -> Response:
        """Who are you?"""
        return page("sign_in.html", referrer="same-origin", refused=False)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        """The token is kept by the browser, where no script of a page reads it."""
        _ours(request)
        token = (await form.sent(request)).get("token", "")
        try:
            if gate.bearer is not None:
                await gate.bearer.caller(token)
        except (Refused, IssuerUnavailable):
            return page("sign_in.html", 401, referrer="same-origin", refused=True)
        answer = RedirectResponse("/console", 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, token, max_age=_HOUR_S, httponly=True, samesite="strict", secure=secure)
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        """The browser forgets the token."""
        _ours(request)
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    return router


def _ours(request: Request) -> None:
    if not form.is_ours(request):
        raise Problem(403, "foreign-form", "the form was not sent by a page of this gateway")
