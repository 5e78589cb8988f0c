"""`/desk/contact`: a contact is written down in half a minute."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.desk import contact_form
from pathline_gateway.desk.form_fields import Form, once
from pathline_gateway.desk.handoff_list_item import HandoffListItem
from pathline_gateway.desk.page_context import DeskContext
from pathline_gateway.desk.session import DeskWorker, sent, worker
from pathline_gateway.handoffs import desk_repository
from pathline_gateway.handoffs.lifecycle import OPEN
from pathline_gateway.web.query_parameters import AllKnown

Chosen = Annotated[str, Query(max_length=2_000)]
"""The hand-off that it is about: what it is called in addresses."""


def add(router: APIRouter, seat: DeskContext) -> None:
    """The form, and what it sends."""

    @router.get("/desk/contact", dependencies=[AllKnown])
    async def ask(request: Request, asker: CurrentCaller, handoff: Chosen = "") -> Response:
        """Who was here, and what for?"""
        who = worker(request, asker)
        chosen = await _chosen(seat, who, handoff)
        return await _form(seat, who, Form({"handoff": handoff} if chosen else {}), chosen)

    @router.post("/desk/contact")
    async def record(request: Request, asker: CurrentCaller) -> Response:
        """The contact is published; the next one may follow."""
        form = Form(await sent(request))
        who = worker(request, asker)
        chosen = await _chosen(seat, who, form.text("handoff"))
        found = contact_form.read(form, () if chosen is None else (chosen.handle,), seat.now(), seat.said.zone)
        if form.wrong:
            return await _form(seat, who, form, chosen, 422)
        handoff = None if chosen is None else chosen.told.handoff
        await seat.publishing.publish(who.org, found.about(handoff).interactions(who.org, seat.now()))
        return await _form(seat, who, Form({}), None, done=True)


async def _chosen(seat: DeskContext, who: DeskWorker, handle: str) -> HandoffListItem | None:
    """The hand-off with this handle, where the organisation has taken it on: a contact may be the first of it."""
    found = await seat.asked(who, handle)
    return (
        found if found is not None and found.clocks.accepted is not None and found.clocks.life.state in OPEN else None
    )


async def _form(
    seat: DeskContext,
    who: DeskWorker,
    form: Form,
    chosen: HandoffListItem | None,
    status: int = 200,
    done: bool = False,
) -> Response:
    taken, more = await seat.taken(who)
    if chosen is not None and chosen.handle not in {each.handle for each in taken}:
        taken = [chosen, *taken]
    async with seat.pool.acquire() as connection:
        services = await desk_repository.services(connection, who.org)
    return seat.page(
        "contact.html",
        who,
        status,
        form=form,
        done=done,
        kinds=contact_form.KINDS,
        channels=contact_form.CHANNELS,
        needs=contact_form.NEEDS,
        services=services,
        taken=taken,
        more=more,
        once=once(),
        today=seat.now().astimezone(seat.said.zone).date().isoformat(),
    )
