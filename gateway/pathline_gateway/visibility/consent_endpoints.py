"""`/v1/consents`: a citizen lists, gives and withdraws what she agrees to. Each takes effect before it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline.interaction import Interaction, interaction
from pathline.vocabulary import Code, ConsentGiven, ConsentWithdrawn, Identifier, Instant, ItemCode, Payload
from pathline_gateway.access_log.request_row import read_transaction
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import Citizen, citizen_reader
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.reserved_names import ACCOUNT_SOURCE, CITIZEN_ORGANISATION
from pathline_gateway.visibility import consent_repository
from pathline_gateway.visibility.account_members import load_own_members
from pathline_gateway.visibility.account_publisher import AccountPublisher, OwnPublisher
from pathline_gateway.visibility.citizen_consents import (
    OwnConsent,
    Validity,
    agreement_id,
    list_own_consents,
    next_event_position,
    withdrawal_id,
)
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.context import AppContext, Context
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.problem import Problem


class ConsentForm(BaseModel):
    """What a citizen agrees to."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    consent: Identifier | None = None
    """Her own id for it, so that giving it again changes nothing; one is made when there is none."""
    holders: list[Code] = []
    """Who may show; everybody when empty."""
    recipients: list[Code]
    """To whom."""
    nouns: list[Code] = []
    """Which interactions; none when empty."""
    items: list[ItemCode] = []
    """Which types of papers; none when empty."""
    purpose: Code
    """What for."""
    until: Instant | None = None
    """When it ends by itself."""


class WithdrawalForm(BaseModel):
    """Which consent has ended."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    consent: Identifier
    """As the list names it."""


class ConsentView(BaseModel):
    """A consent as its citizen is told it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    consent: str
    org: str
    """Who recorded it: `citizen` where she gave it herself."""
    given: datetime
    counts: Validity
    """`binds`: for all that it says. `own-part`: for what `org` holds itself; the rest is a proposal. `proposal`: for
    nothing, until you agree or a holder says the same of what it holds."""
    live: bool
    """Whether it permits anything now."""
    holders: list[str]
    recipients: list[str]
    nouns: list[str]
    items: list[str]
    purpose: str | None
    until: datetime | None
    version: str
    """Tells apart what it says: name it when you agree to a proposal."""


class AgreementForm(BaseModel):
    """Which proposal she agrees to."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    consent: Identifier
    """As the list names it."""
    version: Annotated[str, Field(max_length=64)]
    """As the list has it: nobody changes in between what you agree to."""


class ConsentList(BaseModel):
    """The newest first."""

    consents: list[ConsentView]


@dataclass(frozen=True, slots=True)
class _Citizen:
    """One citizen's consents, as they stand."""

    account: str
    key: ReaderKey
    now: datetime
    events: list[ConsentEvent]
    consents: list[OwnConsent]

    def find_consent(self, name: str) -> OwnConsent | None:
        """The consent that she calls so."""
        return next((each for each in self.consents if each.consent_id == name), None)

    def build_event(self, payload: Payload) -> Interaction[Payload]:
        """What she says now, as an event of her account's."""
        time, sequence = next_event_position(self.now, self.events, ACCOUNT_SOURCE)
        id = str(uuid4())
        return interaction(payload, source=ACCOUNT_SOURCE, subject=self.account, time=time, id=id, sequence=sequence)


router = APIRouter(tags=["consents"])


@router.get("/v1/consents", summary="List one's consents", response_model=ConsentList)
async def list_consents(context: Context, caller: Citizen) -> dict[str, Any]:
    """Everything that was agreed to about the caller, by whoever recorded it."""
    citizen = await _load_citizen(context, caller)
    return {"consents": [_render_consent(each) for each in citizen.consents]}


@router.post(
    "/v1/consents",
    summary="Give a consent",
    status_code=201,
    response_model=ConsentView,
    responses=response_docs(ConsentView, {201: "It holds from now on", 200: "It held before"}),
)
async def give_consent(
    context: Context, publisher: OwnPublisher, caller: Citizen, form: ConsentForm, response: Response
) -> dict[str, Any]:
    """201 when it holds from now on; 200 when it did before."""
    citizen = await _load_citizen(context, caller)
    payload = ConsentGiven(**(form.model_dump() | {"consent": form.consent or str(uuid4())}))
    return await _give(context, publisher, caller, citizen, payload, response)


@router.post(
    "/v1/consents/agreements",
    summary="Agree to a proposed consent",
    status_code=201,
    response_model=ConsentView,
    responses=response_docs(ConsentView, {201: "It holds from now on, as a consent of her own", 200: "It held before"}),
)
async def agree_to_consent(
    context: Context, publisher: OwnPublisher, caller: Citizen, form: AgreementForm, response: Response
) -> dict[str, Any]:
    """She gives a consent of her own that says what was proposed: hers to withdraw, whoever takes his back."""
    citizen = await _load_citizen(context, caller)
    proposal = citizen.find_consent(form.consent)
    if proposal is None:
        raise consent_not_found()
    consent_id = agreement_id(proposal, citizen.account, citizen.key)
    if consent_id is None or proposal.validity == "binds":
        raise Problem(409, "no-proposal", "this consent counts as it stands: there is nothing to agree to")
    if proposal.version != form.version:
        raise Problem(409, "changed", "what was proposed has changed: read it again before you agree")
    if not proposal.is_given:
        raise Problem(409, "withdrawn", "this proposal was taken back: give a consent of your own instead")
    event = proposal.event
    payload = ConsentGiven(
        consent=consent_id,
        holders=proposal.holders,
        recipients=proposal.recipients,
        nouns=event.nouns,
        items=event.items,  # type: ignore[arg-type]  # as they were accepted
        purpose=event.purpose or "",
        until=event.until,
    )
    return await _give(context, publisher, caller, citizen, payload, response)


@router.post("/v1/consents/withdrawals", summary="Withdraw a consent", response_model=ConsentView)
async def withdraw_consent(
    context: Context, publisher: OwnPublisher, caller: Citizen, form: WithdrawalForm
) -> dict[str, Any]:
    """It permits nothing from now on; an organisation's own record of one neither."""
    citizen = await _load_citizen(context, caller)
    consent = citizen.find_consent(form.consent)
    if consent is None:
        raise consent_not_found()
    if consent.is_given:
        event = consent.event
        payload = ConsentWithdrawn(
            consent=withdrawal_id(consent, citizen.account, citizen.key),
            recipients=event.recipients,
            purpose=event.purpose,
        )
        await publisher.publish(citizen.build_event(payload))
        consent = (await _load_citizen(context, caller)).find_consent(form.consent) or consent
    return _render_consent(consent)


async def _give(
    context: AppContext,
    publisher: AccountPublisher,
    caller: Caller,
    citizen: _Citizen,
    payload: ConsentGiven,
    response: Response,
) -> dict[str, Any]:
    """The consent as it holds from now on, or did before. Raises Problem where she may not be told of it."""
    before = citizen.find_consent(payload.consent)
    if before is not None and before.is_live and _has_same_terms(before.event, payload):
        response.status_code = 200
        return _render_consent(before)
    await publisher.publish(citizen.build_event(payload))
    after = (await _load_citizen(context, caller)).find_consent(payload.consent)
    if after is None:
        raise Problem(409, "concealed", "your consent counts, but nobody sees it: it names something concealed")
    return _render_consent(after)


def consent_not_found() -> Problem:
    """The same for a consent that was never recorded, and for one that she may not know."""
    return Problem(404, "no-such-consent", "there is no consent of this name: look at the list")


async def _load_citizen(context: AppContext, caller: Caller) -> _Citizen:
    """The caller's consents. Raises Problem for who is no citizen."""
    reader = citizen_reader(caller)
    account, key, now = reader.account or "", ReaderKey(context.secret, reader.name), context.clock()
    async with read_transaction(context.pool) as connection:
        members = await load_own_members(connection, account)
        refs = [(CITIZEN_ORGANISATION, account)] if members is None else list(members.refs)
        events = await consent_repository.load_consent_events(connection, refs)
        concealment = await concealment_repository.load_concealment(connection, refs)
    visible_events = [each for each in events if not concealment.conceals_ref(each.org, each.subject)]
    return _Citizen(account, key, now, visible_events, list_own_consents(events, account, concealment, key, now))


def _has_same_terms(event: ConsentEvent, payload: ConsentGiven) -> bool:
    """Whether the event agreed to just this."""
    terms = (payload.holders, payload.recipients, payload.nouns or (), payload.items or (), payload.purpose)
    return (event.holders, event.recipients, event.nouns, event.items, event.purpose, event.until) == (
        *terms,
        payload.until,
    )


def _render_consent(consent: OwnConsent) -> dict[str, Any]:
    event = consent.event
    return {
        "consent": consent.consent_id,
        "org": event.org,
        "given": instant.to_text(event.time),
        "counts": consent.validity,
        "live": consent.is_live,
        "holders": consent.holders,
        "recipients": consent.recipients,
        "nouns": event.nouns,
        "items": event.items,
        "purpose": event.purpose,
        "until": None if event.until is None else instant.to_text(event.until),
        "version": consent.version,
    }
