"""`/desk`: what waits for this organisation, and what it does with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Response

from pathline_gateway.desk import answer_form
from pathline_gateway.desk.form_fields import DeskForm, new_form_id, new_slip_code
from pathline_gateway.desk.handoff_list_item import HandoffListItem
from pathline_gateway.desk.page_context import After, Desk, DeskContext
from pathline_gateway.desk.session import DeskWorker, ReadingWorker, WritingWorker
from pathline_gateway.handoffs import desk_repository
from pathline_gateway.organisations import change_repository
from pathline_gateway.organisations.change_repository import ConcealmentChange
from pathline_gateway.web.forms import OwnForm
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.query_parameters import AllKnown

_CHANGE_NOTICE_PERIOD: Final = timedelta(days=30)
_MAX_CHANGES: Final = 10

router = APIRouter(include_in_schema=False)


@router.get("/desk", dependencies=[AllKnown])
async def inbox_page(context: Desk, desk_worker: ReadingWorker, after: After = None) -> Response:
    """What waits for us?"""
    list_values = await context.list_values(desk_worker, "receiver", after)
    return context.render(
        "inbox.html", desk_worker, concealment=await _find_lifted_concealment(context, desk_worker), **list_values
    )


@router.get("/desk/ended", dependencies=[AllKnown])
async def ended_page(context: Desk, desk_worker: ReadingWorker, after: After = None) -> Response:
    """What became of those who were handed to us?"""
    return context.render(
        "ended.html", desk_worker, **await context.list_values(desk_worker, "receiver", after, ended=True)
    )


@router.get("/desk/handoffs/{handle}")
async def handoff_page(context: Desk, handle: str, desk_worker: ReadingWorker) -> Response:
    """What is this, and what shall we do with it?"""
    return await _handoff_page(context, desk_worker, await _find_handoff(context, desk_worker, handle), DeskForm({}))


@router.post("/desk/handoffs/{handle}")
async def answer_handoff(context: Desk, sent: OwnForm, handle: str, desk_worker: WritingWorker) -> Response:
    """Publishes the answer to a hand-off."""
    form = DeskForm(sent)
    item, verb = await _find_handoff(context, desk_worker, handle), form.text("verb")
    if verb not in answer_form.possible_verbs(item.status):
        return await _handoff_page(context, desk_worker, item, form, 409)
    payload_fields = answer_form.parse_answer(form, verb, item.status, desk_worker.org)
    if form.wrong:
        return await _handoff_page(context, desk_worker, item, form, 422)
    events = answer_form.build_interactions(
        verb,
        payload_fields,
        item.status,
        form.text("subject"),
        context.reader_key(desk_worker.org).placeholder_subject(desk_worker.org, item.wording.handoff),
        desk_worker.org,
        form.submission_id(),
        context.now(),
    )
    await context.publisher.publish(desk_worker.org, events)
    if verb == "redirected":
        return context.render(
            "slip.html",
            desk_worker,
            handoff=item.wording.handoff,
            to=payload_fields["to"]["org"],
            token=form.new_token(),
        )
    return await _handoff_page(
        context, desk_worker, await _find_handoff(context, desk_worker, handle), DeskForm({}), done=verb
    )


async def _find_lifted_concealment(context: DeskContext, desk_worker: DeskWorker) -> list[ConcealmentChange]:
    """What others did, or ask for, against the concealment of this organisation."""
    async with context.pool.acquire() as connection:
        changes = await change_repository.list_concealment_changes(
            connection, desk_worker.org, context.now() - _CHANGE_NOTICE_PERIOD, _MAX_CHANGES
        )
    return [each for each in changes if each.change in ("lifted", "lift-asked") and not each.is_by(desk_worker.org)]


async def _find_handoff(context: DeskContext, desk_worker: DeskWorker, handle: str) -> HandoffListItem:
    """Raises Problem where it is none that was offered to this organisation."""
    item = await context.find_offered(desk_worker, handle)
    if item is None:
        raise Problem(404, "not-found", "no such hand-off")
    return item


async def _handoff_page(
    context: DeskContext,
    desk_worker: DeskWorker,
    item: HandoffListItem,
    form: DeskForm,
    status: int = 200,
    done: str | None = None,
) -> Response:
    async with context.pool.acquire() as connection:
        services = await desk_repository.services(connection, desk_worker.org)
    return context.render(
        "handoff.html",
        desk_worker,
        status,
        one=item,
        form=form,
        blank=DeskForm({}),
        done=done,
        too_late=status == 409,
        possible=answer_form.possible_verbs(item.status),
        reasons=answer_form.REASONS,
        outcomes=answer_form.OUTCOMES,
        services=services,
        once=new_form_id(),
        new_token=new_slip_code(),
    )
