"""`/desk/organisation`: where nobody signs in, a browser says for which organisation it acts."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.responses import RedirectResponse

from pathline_gateway.auth.dependencies import DeskReader
from pathline_gateway.desk.form_fields import DeskForm
from pathline_gateway.desk.page_context import Desk
from pathline_gateway.desk.session import ORGANISATION_COOKIE
from pathline_gateway.web.forms import OwnForm

router = APIRouter(include_in_schema=False)


@router.get("/desk/organisation")
async def organisation_page(context: Desk, caller: DeskReader) -> Response:
    """For whom do you work?"""
    if not caller.auth_disabled:
        return RedirectResponse("/desk", 303)
    return context.render("organisation.html", None, form=DeskForm({}))


@router.post("/desk/organisation")
async def remember_organisation(context: Desk, sent: OwnForm, caller: DeskReader) -> Response:
    """The browser acts for it from now on."""
    form = DeskForm(sent)
    if not caller.auth_disabled:
        return RedirectResponse("/desk", 303)
    org = form.organisation("org", other_than="")
    if form.wrong:
        return context.render("organisation.html", None, 422, form=form)
    response = RedirectResponse("/desk", 303)
    response.set_cookie(ORGANISATION_COOKIE, org, httponly=True, samesite="strict", path="/desk")
    return response
