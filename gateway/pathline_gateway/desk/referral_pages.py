"""`/desk/referrals`: what became of the hand-offs that this organisation made, and making one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pathline_gateway.desk import referral
from pathline_gateway.desk.contact import NEEDS
from pathline_gateway.desk.fields import Form, once, slip_code
from pathline_gateway.desk.handoffs import offered_by, offered_to
from pathline_gateway.desk.seat import Seat
from pathline_gateway.desk.shown import Worker, sent, worker
from pathline_gateway.trust.who import Calling


def add(router: APIRouter, seat: Seat) -> None:
    """The list, the form, and what it sends."""

    @router.get("/desk/referrals")
    async def mine(request: Request, asker: Calling) -> Response:
        """What became of those whom we sent on?"""
        who = worker(request, asker)
        async with seat.pool.acquire() as connection:
            found = await offered_by(connection, who.org, seat.said.clock())
        return seat.page("referrals.html", who, handoffs=seat.listed(who.org, found))

    @router.get("/desk/referrals/new")
    async def ask(request: Request, asker: Calling) -> Response:
        """Who is sent where, and what for?"""
        who = worker(request, asker)
        return await _form(seat, who, Form({}))

    @router.post("/desk/referrals")
    async def offer(request: Request, asker: Calling) -> Response:
        """The hand-off is offered; its code is shown on this page, and never again."""
        form = Form(await sent(request))
        who = worker(request, asker)
        found = referral.read(form, who.org)
        if form.wrong:
            return await _form(seat, who, form, 422)
        await seat.publishing.publish(who.org, [found.interaction(who.org, seat.now())])
        return seat.page("slip.html", who, handoff=found.handoff(who.org), to=found.to, token=found.token)


async def _form(seat: Seat, who: Worker, form: Form, status: int = 200) -> Response:
    async with seat.pool.acquire() as connection:
        made = await offered_by(connection, who.org, seat.said.clock())
        asked = await offered_to(connection, who.org, seat.said.clock())
    known = {each.life.to for each in made} | {each.life.by for each in asked}
    return seat.page(
        "referral.html",
        who,
        status,
        form=form,
        needs=NEEDS,
        days=referral.DAYS,
        known=sorted(each for each in known if each is not None and each != who.org),
        once=once(),
        new_token=slip_code(),
    )
