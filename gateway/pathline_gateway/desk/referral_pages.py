"""`/desk/referrals`: what became of the hand-offs that this organisation made, and making one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.desk import referral_form
from pathline_gateway.desk.contact_form import NEEDS
from pathline_gateway.desk.form_fields import Form, once, slip_code
from pathline_gateway.desk.handoff_queries import page
from pathline_gateway.desk.page_context import After, DeskContext
from pathline_gateway.desk.session import DeskWorker, sent, worker
from pathline_gateway.web.query_parameters import AllKnown


def add(router: APIRouter, seat: DeskContext) -> None:
    """The list, the form, and what it sends."""

    @router.get("/desk/referrals", dependencies=[AllKnown])
    async def mine(request: Request, asker: CurrentCaller, after: After = None) -> Response:
        """What became of those whom we sent on?"""
        who = worker(request, asker)
        part = await seat.part(who, "sender", after)
        lately = await seat.ended_lately(who) if part["first"] else []
        return seat.page("referrals.html", who, lately=lately, **part)

    @router.get("/desk/referrals/ended", dependencies=[AllKnown])
    async def ended(request: Request, asker: CurrentCaller, after: After = None) -> Response:
        """What became of those with whom it is over?"""
        who = worker(request, asker)
        part = await seat.part(who, "sender", after, ended=True)
        return seat.page("ended_referrals.html", who, **part)

    @router.get("/desk/referrals/new")
    async def ask(request: Request, asker: CurrentCaller) -> Response:
        """Who is sent where, and what for?"""
        who = worker(request, asker)
        return await _form(seat, who, Form({}))

    @router.post("/desk/referrals")
    async def offer(request: Request, asker: CurrentCaller) -> Response:
        """The hand-off is offered; its code is shown on this page, and never again."""
        form = Form(await sent(request))
        who = worker(request, asker)
        found = referral_form.read(form, who.org)
        if form.wrong:
            return await _form(seat, who, form, 422)
        await seat.publishing.publish(who.org, [found.interaction(who.org, seat.now())])
        return seat.page("slip.html", who, handoff=found.handoff(who.org), to=found.to, token=found.token)


async def _form(seat: DeskContext, who: DeskWorker, form: Form, status: int = 200) -> Response:
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
        days=referral_form.DAYS,
        known=sorted(each for each in known if each is not None and each != who.org),
        once=once(),
        new_token=slip_code(),
    )
