"""A problem, told to a person in a page; programs get it as JSON."""

from __future__ import annotations

from typing import Final

from fastapi import Response

from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import render_page

_WORDING: Final = {
    401: ("You are not signed in", "Sign in, and open it again."),
    403: (
        "Your account may not see this",
        "It is not a page for the role that you have. Sign out, and sign in with another account, or ask whoever gave "
        "you the account.",
    ),
    404: ("There is no such page", "The address may be mistyped, or what it named is gone."),
}
_NOT_AS_IT_IS: Final = ("This did not work", "Go back, and change what is wrong.")
_LATER: Final = ("This did not work", "Go back, and try it again in a moment.")


def wants_page(accept: str) -> bool:
    """Whether a browser asks, for a person: programs do not ask for HTML."""
    return "text/html" in accept


def render_problem(problem: Problem) -> Response:
    """The problem as a page."""
    is_lasting = 400 <= problem.status < 500 and problem.status not in (408, 429)
    title, advice = _WORDING.get(problem.status, _NOT_AS_IT_IS if is_lasting else _LATER)
    response = render_page(
        "problem.html",
        problem.status,
        referrer="same-origin",
        title=title,
        advice=advice,
        detail=problem.detail,
        may_sign_out=problem.status == 403,
    )
    response.headers.update(problem.headers)
    return response
