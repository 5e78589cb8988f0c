"""`/desk/referrals`: what became of the hand-offs that this organisation made, and making one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pathline_gateway.desk import referral
from pathline_gateway.desk.contact import NEEDS
from pathline_gateway.desk.fields import Form, once, slip_code
from pathline_gateway.desk.handoffs import page
from pathline_gateway.desk.seat import After, Seat
from pathline_gateway.desk.shown import Worker, sent, worker
from pathline_gateway.parameters import AllKnown
from pathline_gateway.trust.who import Calling


def add(router: APIRouter, seat: Seat) -> None:
    """The list, the form, and what it sends."""

    @router.get("/desk/referrals", dependencies=[AllKnown])
    async def mine(request: Request, asker: Calling, after: After = None) -> Response:
        """What became of those whom we sent on?"""
        who = worker(request, asker)
        part = await seat.part(who, "sender", after)
        lately = await seat.ended_lately(who) if part["first"] else []
        return seat.page("referrals.html", who, lately=lately, **part)

    @router.get("/desk/referrals/ended", dependencies=[AllKnown])
    async def ended(request: Request, asker: Calling, after: After = None) -> Response:
        """What became of those with whom it is over?"""
        who = worker(request, asker)
        part = await seat.part(who, "sender", after, ended=True)
        return seat.page("ended_referrals.html", who, **part)

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
        # To choose from: whoever is not among these is written.
        made = await page(connection, "sender", who.org, seat.said.clock(), ended=False)
        asked = await page(connection, "receiver", who.org, seat.said.clock(), ended=False)
    known = {each.life.to for each in made.handoffs} | {each.life.by for each in asked.handoffs}
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
