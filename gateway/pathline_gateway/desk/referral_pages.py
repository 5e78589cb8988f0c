"""`/desk/referrals`: what became of the hand-offs that this organisation made, and making one."""

from __future__ import annotations

from fastapi import APIRouter, Response

from pathline_gateway.desk import referral_form
from pathline_gateway.desk.contact_form import NEEDS
from pathline_gateway.desk.form_fields import DeskForm, new_form_id, new_slip_code
from pathline_gateway.desk.handoff_queries import find_page
from pathline_gateway.desk.page_context import After, Desk, DeskContext
from pathline_gateway.desk.session import DeskWorker, ReadingWorker, WritingWorker
from pathline_gateway.web.forms import OwnForm
from pathline_gateway.web.query_parameters import AllKnown

router = APIRouter(include_in_schema=False)


@router.get("/desk/referrals", dependencies=[AllKnown])
async def referral_list_page(context: Desk, desk_worker: ReadingWorker, after: After = None) -> Response:
    """What became of those whom we sent on?"""
    list_values = await context.list_values(desk_worker, "sender", after)
    recently_ended = await context.recently_ended(desk_worker) if list_values["first"] else []
    return context.render("referrals.html", desk_worker, lately=recently_ended, **list_values)


@router.get("/desk/referrals/ended", dependencies=[AllKnown])
async def ended_page(context: Desk, desk_worker: ReadingWorker, after: After = None) -> Response:
    """What became of those with whom it is over?"""
    list_values = await context.list_values(desk_worker, "sender", after, ended=True)
    return context.render("ended_referrals.html", desk_worker, **list_values)


@router.get("/desk/referrals/new")
async def referral_page(context: Desk, desk_worker: ReadingWorker) -> Response:
    """Who is sent where, and what for?"""
    return await _referral_form_page(context, desk_worker, DeskForm({}))


@router.post("/desk/referrals")
async def offer_handoff(context: Desk, sent: OwnForm, desk_worker: WritingWorker) -> Response:
    """The hand-off is offered; its code is shown on this page, and never again."""
    form = DeskForm(sent)
    referral = referral_form.parse_referral(form, desk_worker.org)
    if form.wrong:
        return await _referral_form_page(context, desk_worker, form, 422)
    await context.publisher.publish(desk_worker.org, [referral.build_interaction(desk_worker.org, context.now())])
    return context.render(
        "slip.html",
        desk_worker,
        handoff=referral.handoff_id(desk_worker.org),
        to=referral.receiver,
        token=referral.token,
    )


async def _referral_form_page(
    context: DeskContext, desk_worker: DeskWorker, form: DeskForm, status: int = 200
) -> Response:
    async with context.pool.acquire() as connection:
        # To choose from: whoever is not among these is written.
        sent_page = await find_page(connection, "sender", desk_worker.org, context.settings.clock(), ended=False)
        received_page = await find_page(connection, "receiver", desk_worker.org, context.settings.clock(), ended=False)
    partner_orgs = {each.lifecycle.receiver for each in sent_page.handoffs} | {
        each.lifecycle.sender for each in received_page.handoffs
    }
    return context.render(
        "referral.html",
        desk_worker,
        status,
        form=form,
        needs=NEEDS,
        days=referral_form.ANSWER_DAYS,
        known=sorted(each for each in partner_orgs if each is not None and each != desk_worker.org),
        once=new_form_id(),
        new_token=new_slip_code(),
    )
