"""`/desk/contact`: a contact is written down in half a minute."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pathline_gateway.desk import contact
from pathline_gateway.desk.fields import Form, once
from pathline_gateway.desk.listed import Listed
from pathline_gateway.desk.seat import Seat
from pathline_gateway.desk.shown import Worker, sent, worker
from pathline_gateway.handoff.lifecycle import OPEN
from pathline_gateway.parameters import AllKnown
from pathline_gateway.store import desk_handoffs
from pathline_gateway.trust.who import Calling

Chosen = Annotated[str, Query(max_length=2_000)]
"""The hand-off that it is about: what it is called in addresses."""


def add(router: APIRouter, seat: Seat) -> None:
    """The form, and what it sends."""

    @router.get("/desk/contact", dependencies=[AllKnown])
    async def ask(request: Request, asker: Calling, handoff: Chosen = "") -> Response:
        """Who was here, and what for?"""
        who = worker(request, asker)
        chosen = await _chosen(seat, who, handoff)
        return await _form(seat, who, Form({"handoff": handoff} if chosen else {}), chosen)

    @router.post("/desk/contact")
    async def record(request: Request, asker: Calling) -> Response:
        """The contact is published; the next one may follow."""
        form = Form(await sent(request))
        who = worker(request, asker)
        chosen = await _chosen(seat, who, form.text("handoff"))
        found = contact.read(form, () if chosen is None else (chosen.handle,), seat.now(), seat.said.zone)
        if form.wrong:
            return await _form(seat, who, form, chosen, 422)
        handoff = None if chosen is None else chosen.told.handoff
        await seat.publishing.publish(who.org, found.about(handoff).interactions(who.org, seat.now()))
        return await _form(seat, who, Form({}), None, done=True)


async def _chosen(seat: Seat, who: Worker, handle: str) -> Listed | None:
    """The hand-off with this handle, where the organisation has taken it on: a contact may be the first of it."""
    found = await seat.asked(who, handle)
    return (
        found if found is not None and found.clocks.accepted is not None and found.clocks.life.state in OPEN else None
    )


async def _form(
    seat: Seat, who: Worker, form: Form, chosen: Listed | None, status: int = 200, done: bool = False
) -> Response:
    taken, more = await seat.taken(who)
    if chosen is not None and chosen.handle not in {each.handle for each in taken}:
        taken = [chosen, *taken]
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
        more=more,
        once=once(),
        today=seat.now().astimezone(seat.said.zone).date().isoformat(),
    )
