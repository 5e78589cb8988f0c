"""`/desk/organisation`: where nobody signs in, a browser says for which organisation it acts."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.desk.form_fields import Form
from pathline_gateway.desk.page_context import DeskContext
from pathline_gateway.desk.session import ORGANISATION, sent


def add(router: APIRouter, seat: DeskContext) -> None:
    """The form, and what it sends."""

    @router.get("/desk/organisation")
    async def ask(asker: CurrentCaller) -> Response:
        """For whom do you work?"""
        if not asker.open:
            return RedirectResponse("/desk", 303)
        return seat.page("organisation.html", None, form=Form({}))

    @router.post("/desk/organisation")
    async def keep(request: Request, asker: CurrentCaller) -> Response:
        """The browser acts for it from now on."""
        form = Form(await sent(request))
        if not asker.open:
            return RedirectResponse("/desk", 303)
        org = form.organisation("org", other_than="")
        if form.wrong:
            return seat.page("organisation.html", None, 422, form=form)
        answer = RedirectResponse("/desk", 303)
        answer.set_cookie(ORGANISATION, org, httponly=True, samesite="strict", path="/desk")
        return answer
