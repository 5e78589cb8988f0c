"""`/desk`: what waits for this organisation, and what it does with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import asyncpg
from fastapi import APIRouter, Request, Response

from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.desk import answer_form, contact_pages, organisation_pages, referral_pages, spreadsheet_pages
from pathline_gateway.desk.form_fields import Form, once, slip_code
from pathline_gateway.desk.handoff_list_item import HandoffListItem
from pathline_gateway.desk.page_context import After, DeskContext
from pathline_gateway.desk.publisher import Publishing
from pathline_gateway.desk.session import DeskSettings, DeskWorker, sent, worker
from pathline_gateway.handoffs import desk_repository
from pathline_gateway.organisations import change_repository
from pathline_gateway.organisations.change_repository import ConcealmentChange
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.query_parameters import AllKnown

_TOLD_FOR: Final = timedelta(days=30)
_MOST_TOLD: Final = 10


def routes(pool: asyncpg.Pool, publishing: Publishing, secret: bytes, said: DeskSettings) -> APIRouter:
    """Everything below `/desk`."""
    router = APIRouter(include_in_schema=False)
    seat = DeskContext(pool, publishing, secret, said)
    _inbox(router, seat)
    contact_pages.add(router, seat)
    referral_pages.add(router, seat)
    spreadsheet_pages.add(router, seat)
    organisation_pages.add(router, seat)
    return router


def _inbox(router: APIRouter, seat: DeskContext) -> None:
    @router.get("/desk", dependencies=[AllKnown])
    async def inbox(request: Request, asker: CurrentCaller, after: After = None) -> Response:
        """What waits for us?"""
        who = worker(request, asker)
        part = await seat.part(who, "receiver", after)
        return seat.page("inbox.html", who, concealment=await _lifted(seat, who), **part)

    @router.get("/desk/ended", dependencies=[AllKnown])
    async def ended(request: Request, asker: CurrentCaller, after: After = None) -> Response:
        """What became of those who were handed to us?"""
        who = worker(request, asker)
        return seat.page("ended.html", who, **await seat.part(who, "receiver", after, ended=True))

    @router.get("/desk/handoffs/{handle}")
    async def handoff(request: Request, handle: str, asker: CurrentCaller) -> Response:
        """What is this, and what shall we do with it?"""
        who = worker(request, asker)
        return await _shown(seat, who, await _found(seat, who, handle), Form({}))

    @router.post("/desk/handoffs/{handle}")
    async def answer(request: Request, handle: str, asker: CurrentCaller) -> Response:
        """It is answered."""
        form = Form(await sent(request))
        who = worker(request, asker)
        found, verb = await _found(seat, who, handle), form.text("verb")
        if verb not in answer_form.possible(found.clocks):
            return await _shown(seat, who, found, form, 409)
        said = answer_form.read(form, verb, found.clocks, who.org)
        if form.wrong:
            return await _shown(seat, who, found, form, 422)
        events = answer_form.interactions(
            verb,
            said,
            found.clocks,
            form.text("subject"),
            seat.key(who.org).subject(who.org, found.told.handoff),
            who.org,
            form.once(),
            seat.now(),
        )
        await seat.publishing.publish(who.org, events)
        if verb == "redirected":
            return seat.page("slip.html", who, handoff=found.told.handoff, to=said["to"]["org"], token=form.new_token())
        return await _shown(seat, who, await _found(seat, who, handle), Form({}), done=verb)


async def _lifted(seat: DeskContext, who: DeskWorker) -> list[ConcealmentChange]:
    """What others did, or ask for, against the concealment of this organisation."""
    async with seat.pool.acquire() as connection:
        changes = await change_repository.of_concealment(connection, who.org, seat.now() - _TOLD_FOR, _MOST_TOLD)
    return [each for each in changes if each.change in ("lifted", "lift-asked") and not each.by(who.org)]


async def _found(seat: DeskContext, who: DeskWorker, handle: str) -> HandoffListItem:
    """Raises Problem where it is none that was offered to this organisation."""
    one = await seat.asked(who, handle)
    if one is None:
        raise Problem(404, "not-found", "no such hand-off")
    return one


async def _shown(
    seat: DeskContext, who: DeskWorker, found: HandoffListItem, form: Form, status: int = 200, done: str | None = None
) -> Response:
    async with seat.pool.acquire() as connection:
        services = await desk_repository.services(connection, who.org)
    return seat.page(
        "handoff.html",
        who,
        status,
        one=found,
        form=form,
        blank=Form({}),
        done=done,
        too_late=status == 409,
        possible=answer_form.possible(found.clocks),
        reasons=answer_form.REASONS,
        outcomes=answer_form.OUTCOMES,
        services=services,
        once=once(),
        new_token=slip_code(),
    )
