"""Who is at the desk, and for which organisation; and problems told to her in plain words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Request, Response
from starlette.responses import RedirectResponse

from pathline_gateway.auth.bearer_token import is_organisation
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.dependencies import DeskReader, DeskWriter
from pathline_gateway.web.problem import Problem, on_problem
from pathline_gateway.web.problem_page import render_problem, wants_page
from pathline_gateway.web.templates import render_page

ORGANISATION_COOKIE: Final = "pathline-desk-organisation"
"""Where nobody signs in, the organisation that a browser acts for."""


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """What the settings say of the desk."""

    zone: ZoneInfo
    quick_exit: str
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class DeskWorker:
    """Somebody at the desk, as the organisation that she works for."""

    org: str
    may_publish: bool
    signed_in: bool


class NoOrganisation(Exception):
    """Nobody signs in here, and the browser has not said for whom it acts."""


def current_worker(request: Request, caller: Caller) -> DeskWorker:
    """Who is at the desk. Raises NoOrganisation."""
    if not caller.auth_disabled:
        if caller.org is None or not caller.has_any_role(Role.PUBLISHER, Role.SUBSCRIBER):
            raise Problem(403, "forbidden", "the desk is for those who work for an organisation")
        return DeskWorker(caller.org, caller.has_any_role(Role.PUBLISHER), True)
    org = request.cookies.get(ORGANISATION_COOKIE, "")
    if not is_organisation(org):
        raise NoOrganisation
    return DeskWorker(org, True, False)


async def reading_worker(request: Request, caller: DeskReader) -> DeskWorker:
    """Who looks at a page of the desk. Raises NoOrganisation and Problem."""
    return current_worker(request, caller)


async def writing_worker(request: Request, caller: DeskWriter) -> DeskWorker:
    """Who writes something at the desk. Raises NoOrganisation and Problem."""
    return current_worker(request, caller)


ReadingWorker = Annotated[DeskWorker, Depends(reading_worker)]
WritingWorker = Annotated[DeskWorker, Depends(writing_worker)]

_PROBLEM_WORDING: Final = {
    "not-signed-in": (
        "You are not signed in any more",
        "Sign in again in another tab; then go back, and send the form.",
    ),
    "forbidden": (
        "Your account may not do this",
        "The desk is for people who work for an organisation: to look, the role publisher or subscriber is needed; to"
        " write, publisher. Ask whoever gave you the account.",
    ),
    "unknown-organisation": (
        "Your organisation is not entered here yet",
        "Nothing was sent. Ask whoever runs this gateway to enter it.",
    ),
    "foreign-form": ("This form came from elsewhere", "Nothing was done. Open the desk anew, and write it there."),
    "not-found": ("There is no such hand-off here", "It may have been passed on to others or taken back meanwhile."),
}
_DEFAULT_WORDING: Final = (
    "This did not work",
    "Nothing may be lost: go back, and send the same form again in a moment.",
)


@dataclass(frozen=True, slots=True)
class DeskProblemHandler:
    """Tells people at the desk of problems in pages of the desk, and everybody else as elsewhere."""

    quick_exit: str

    def __call__(self, path: str, problem: Problem, accept: str = "") -> Response | None:
        """The page; None where programs ask."""
        if path != "/desk" and not path.startswith("/desk/"):
            return render_problem(problem) if wants_page(accept) else None
        title, advice = _PROBLEM_WORDING.get(problem.reason, _DEFAULT_WORDING)
        response = render_page(
            "desk/problem.html",
            problem.status,
            title=title,
            advice=advice,
            may_sign_out=problem.reason == "forbidden",
            worker=None,
            quick_exit=self.quick_exit,
        )
        response.headers.update(problem.headers)
        return response

    async def on_problem(self, request: Request, raised: Exception) -> Response:
        """Handler for Problem."""
        accept = request.headers.get("accept", "") if request.method == "GET" else ""
        explanation = self(request.url.path, raised, accept) if isinstance(raised, Problem) else None
        return await on_problem(request, raised) if explanation is None else explanation


async def on_no_organisation(_: Request, __: Exception) -> Response:
    """Handler for NoOrganisation: she is asked."""
    return RedirectResponse("/desk/organisation", 303)
