"""`/desk/contact`: a contact is written down in half a minute."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pathline_gateway.desk import contact
from pathline_gateway.desk.fields import Form, once
from pathline_gateway.desk.handoffs import offered_to
from pathline_gateway.desk.listed import Listed
from pathline_gateway.desk.seat import Seat
from pathline_gateway.desk.shown import Worker, sent, worker
from pathline_gateway.store import desk_handoffs
from pathline_gateway.trust.who import Calling


def add(router: APIRouter, seat: Seat) -> None:
    """The form, and what it sends."""

    @router.get("/desk/contact")
    async def ask(request: Request, asker: Calling) -> Response:
        """Who was here, and what for?"""
        who = worker(request, asker)
        return await _form(seat, who, Form({}), await _taken(seat, who))

    @router.post("/desk/contact")
    async def record(request: Request, asker: Calling) -> Response:
        """The contact is published; the next one may follow."""
        form = Form(await sent(request))
        who = worker(request, asker)
        taken = {each.handle: each for each in await _taken(seat, who)}
        found = contact.read(form, taken, seat.now(), seat.said.zone)
        if form.wrong:
            return await _form(seat, who, form, list(taken.values()), 422)
        handoff = None if found.handoff is None else taken[found.handoff].told.handoff
        await seat.publishing.publish(who.org, found.about(handoff).interactions(who.org, seat.now()))
        return await _form(seat, who, Form({}), await _taken(seat, who), done=True)


async def _taken(seat: Seat, who: Worker) -> list[Listed]:
    """The hand-offs that this organisation has taken on, of which a contact may be the first."""
    async with seat.pool.acquire() as connection:
        found = await offered_to(connection, who.org, seat.said.clock())
    return seat.listed(who.org, [each for each in found if each.accepted is not None])


async def _form(
    seat: Seat, who: Worker, form: Form, taken: list[Listed], status: int = 200, done: bool = False
) -> Response:
    async with seat.pool.acquire() as connection:
        services = await desk_handoffs.services(connection, who.org)
    return seat.page(
        "contact.html",
        who,
        status,
        form=form,
        done=done,
        kinds=contact.KINDS,
        channels=contact.CHANNELS,
        needs=contact.NEEDS,
        services=services,
        taken=taken,
        once=once(),
        today=seat.now().astimezone(seat.said.zone).date().isoformat(),
    )
