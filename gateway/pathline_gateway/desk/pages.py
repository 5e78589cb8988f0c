"""`/desk`: what waits for this organisation, and what it does with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import asyncpg
from fastapi import APIRouter, Request, Response

from pathline_gateway.desk import answers, contact_pages, organisation_pages, referral_pages, spreadsheet_pages
from pathline_gateway.desk.fields import Form, once, slip_code
from pathline_gateway.desk.listed import Listed
from pathline_gateway.desk.publishing import Publishing
from pathline_gateway.desk.seat import After, Seat
from pathline_gateway.desk.shown import Said, Worker, sent, worker
from pathline_gateway.parameters import AllKnown
from pathline_gateway.problem import Problem
from pathline_gateway.store import desk_handoffs, register_changes
from pathline_gateway.store.register_changes import ConcealmentChange
from pathline_gateway.trust.who import Calling

_TOLD_FOR: Final = timedelta(days=30)
_MOST_TOLD: Final = 10


def routes(pool: asyncpg.Pool, publishing: Publishing, secret: bytes, said: Said) -> APIRouter:
    """Everything below `/desk`."""
    router = APIRouter(include_in_schema=False)
    seat = Seat(pool, publishing, secret, said)
    _inbox(router, seat)
    contact_pages.add(router, seat)
    referral_pages.add(router, seat)
    spreadsheet_pages.add(router, seat)
    organisation_pages.add(router, seat)
    return router


def _inbox(router: APIRouter, seat: Seat) -> None:
    @router.get("/desk", dependencies=[AllKnown])
    async def inbox(request: Request, asker: Calling, after: After = None) -> Response:
        """What waits for us?"""
        who = worker(request, asker)
        part = await seat.part(who, "receiver", after)
        return seat.page("inbox.html", who, concealment=await _lifted(seat, who), **part)

    @router.get("/desk/ended", dependencies=[AllKnown])
    async def ended(request: Request, asker: Calling, after: After = None) -> Response:
        """What became of those who were handed to us?"""
        who = worker(request, asker)
        return seat.page("ended.html", who, **await seat.part(who, "receiver", after, ended=True))

    @router.get("/desk/handoffs/{handle}")
    async def handoff(request: Request, handle: str, asker: Calling) -> Response:
        """What is this, and what shall we do with it?"""
        who = worker(request, asker)
        return await _shown(seat, who, await _found(seat, who, handle), Form({}))

    @router.post("/desk/handoffs/{handle}")
    async def answer(request: Request, handle: str, asker: Calling) -> Response:
        """It is answered."""
        form = Form(await sent(request))
        who = worker(request, asker)
        found, verb = await _found(seat, who, handle), form.text("verb")
        if verb not in answers.possible(found.clocks):
            return await _shown(seat, who, found, form, 409)
        said = answers.read(form, verb, found.clocks, who.org)
        if form.wrong:
            return await _shown(seat, who, found, form, 422)
        events = answers.interactions(
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


async def _lifted(seat: Seat, who: Worker) -> list[ConcealmentChange]:
    """What others did, or ask for, against the concealment of this organisation."""
    async with seat.pool.acquire() as connection:
        changes = await register_changes.of_concealment(connection, who.org, seat.now() - _TOLD_FOR, _MOST_TOLD)
    return [each for each in changes if each.change in ("lifted", "lift-asked") and not each.by(who.org)]


async def _found(seat: Seat, who: Worker, handle: str) -> Listed:
    """Raises Problem where it is none that was offered to this organisation."""
    one = await seat.asked(who, handle)
    if one is None:
        raise Problem(404, "not-found", "no such hand-off")
    return one


async def _shown(
    seat: Seat, who: Worker, found: Listed, form: Form, status: int = 200, done: str | None = None
) -> Response:
    async with seat.pool.acquire() as connection:
        services = await desk_handoffs.services(connection, who.org)
    return seat.page(
        "handoff.html",
        who,
        status,
        one=found,
        form=form,
        blank=Form({}),
        done=done,
        too_late=status == 409,
        possible=answers.possible(found.clocks),
        reasons=answers.REASONS,
        outcomes=answers.OUTCOMES,
        services=services,
        once=once(),
        new_token=slip_code(),
    )
