"""`/desk/contact`: a contact is written down in half a minute."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from pathline_gateway.desk import contact_form
from pathline_gateway.desk.form_fields import DeskForm, new_form_id
from pathline_gateway.desk.handoff_list_item import HandoffListItem
from pathline_gateway.desk.page_context import Desk, DeskContext
from pathline_gateway.desk.session import DeskWorker, ReadingWorker, WritingWorker
from pathline_gateway.handoffs import desk_repository
from pathline_gateway.handoffs.lifecycle import OPEN_STATES
from pathline_gateway.web.forms import OwnForm
from pathline_gateway.web.query_parameters import AllKnown

Chosen = Annotated[str, Query(max_length=2_000)]
"""The hand-off that it is about: what it is called in addresses."""


router = APIRouter(include_in_schema=False)


@router.get("/desk/contact", dependencies=[AllKnown])
async def contact_page(context: Desk, desk_worker: ReadingWorker, handoff: Chosen = "") -> Response:
    """Who was here, and what for?"""
    handoff_item = await _find_accepted_handoff(context, desk_worker, handoff)
    return await _contact_form_page(
        context, desk_worker, DeskForm({"handoff": handoff} if handoff_item else {}), handoff_item
    )


@router.post("/desk/contact")
async def record_contact(context: Desk, sent: OwnForm, desk_worker: WritingWorker) -> Response:
    """The contact is published; the next one may follow."""
    form = DeskForm(sent)
    handoff_item = await _find_accepted_handoff(context, desk_worker, form.text("handoff"))
    entry = contact_form.parse_contact(
        form, () if handoff_item is None else (handoff_item.handle,), context.now(), context.settings.zone
    )
    if form.wrong:
        return await _contact_form_page(context, desk_worker, form, handoff_item, 422)
    handoff = None if handoff_item is None else handoff_item.wording.handoff
    await context.publisher.publish(
        desk_worker.org, entry.with_handoff(handoff).build_interactions(desk_worker.org, context.now())
    )
    return await _contact_form_page(context, desk_worker, DeskForm({}), None, done=True)


async def _find_accepted_handoff(context: DeskContext, desk_worker: DeskWorker, handle: str) -> HandoffListItem | None:
    """The hand-off with this handle, where the organisation has taken it on: a contact may be the first of it."""
    item = await context.find_offered(desk_worker, handle)
    return (
        item
        if item is not None and item.status.accepted_at is not None and item.status.lifecycle.state in OPEN_STATES
        else None
    )


async def _contact_form_page(
    context: DeskContext,
    desk_worker: DeskWorker,
    form: DeskForm,
    handoff_item: HandoffListItem | None,
    status: int = 200,
    done: bool = False,
) -> Response:
    accepted, more = await context.accepted_handoffs(desk_worker)
    if handoff_item is not None and handoff_item.handle not in {each.handle for each in accepted}:
        accepted = [handoff_item, *accepted]
    async with context.pool.acquire() as connection:
        services = await desk_repository.services(connection, desk_worker.org)
    return context.render(
        "contact.html",
        desk_worker,
        status,
        form=form,
        done=done,
        kinds=contact_form.CONTACT_KINDS,
        channels=contact_form.CHANNELS,
        needs=contact_form.NEEDS,
        services=services,
        taken=accepted,
        more=more,
        once=new_form_id(),
        today=context.now().astimezone(context.settings.zone).date().isoformat(),
    )
