"""`/v1/mandates`: a citizen lists the mandates over her, agrees to what is proposed, and ends what she wants ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline.interaction import Interaction, interaction
from pathline.vocabulary import Identifier, MandateGiven, MandateWithdrawn, Payload
from pathline.vocabulary.shapes import Party, Ref
from pathline_gateway.access_log.request_row import read_transaction
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import Citizen, citizen_reader
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.pathways.parsed_step import parse_step
from pathline_gateway.reserved_names import ACCOUNT_SOURCE
from pathline_gateway.visibility import mandate_repository, registrar_repository
from pathline_gateway.visibility.account_members import load_own_members
from pathline_gateway.visibility.account_publisher import OwnPublisher
from pathline_gateway.visibility.citizen_consents import next_event_position
from pathline_gateway.visibility.citizen_mandates import OwnMandate, Validity, list_own_mandates
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.context import AppContext, Context
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.problem import Problem


class MandateWithdrawalForm(BaseModel):
    """Which mandate has ended."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    mandate: Identifier
    """As the list names it."""


class MandateAgreementForm(BaseModel):
    """Which proposal she agrees to."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    mandate: Identifier
    """As the list names it."""
    version: Annotated[str, Field(max_length=64)]
    """As the list has it: nobody changes in between what you agree to."""


class MandateView(BaseModel):
    """A mandate as the person over whom it is is told it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    mandate: str
    org: str
    """Who recorded it: `citizen` where she gave it herself."""
    given: datetime
    counts: Validity
    """`binds`: its agent may do what it says. `proposal`: nothing, until you agree."""
    live: bool
    """Whether its agent may do anything by it now."""
    agent: Ref
    """Who may act, under a name of your own unless you gave it."""
    services: list[Party]
    """The services that it is for; all of them when empty."""
    powers: list[str]
    until: datetime | None
    version: str
    """Tells apart what it says: name it when you agree to a proposal."""


class Mandates(BaseModel):
    """The newest first."""

    mandates: list[MandateView]


@dataclass(frozen=True, slots=True)
class _Person:
    """The mandates over one person, as they stand."""

    account: str
    key: ReaderKey
    event_time: datetime
    """When what she says now counts: after all that she said before."""
    sequence: str
    mandates: list[OwnMandate]

    def find_mandate(self, name: str) -> OwnMandate:
        """The mandate that she calls so. Raises Problem."""
        mandate = next((each for each in self.mandates if each.mandate_id == name), None)
        if mandate is None:
            raise Problem(404, "no-such-mandate", "there is no mandate of this name: look at the list")
        return mandate

    def build_event(self, payload: Payload) -> Interaction[Payload]:
        """What she says now, as an event of her account's."""
        id = str(uuid4())
        return interaction(
            payload, source=ACCOUNT_SOURCE, subject=self.account, time=self.event_time, id=id, sequence=self.sequence
        )

    def render_mandate(self, mandate: OwnMandate) -> dict[str, Any]:
        """As she is told it."""
        is_own = mandate.mandate_id == mandate.data["mandate"]
        agent = (mandate.parsed.data_as_sent if is_own else mandate.data)["agent"]
        subject = agent["subject"] if is_own else self.key.subject_name(agent["org"], agent["subject"])
        return {
            "mandate": mandate.mandate_id,
            "org": mandate.org,
            "given": instant.to_text(mandate.parsed.step.time),
            "counts": mandate.validity,
            "live": mandate.is_live,
            "agent": {"org": agent["org"], "subject": subject},
            "services": [_render_party(*service) for service in mandate.services],
            "powers": list(mandate.data["powers"]),
            "until": None if mandate.until is None else instant.to_text(mandate.until),
            "version": mandate.version,
        }


router = APIRouter(tags=["mandates"])


@router.get("/v1/mandates", summary="List the mandates over oneself", response_model=Mandates)
async def list_mandates(context: Context, caller: Citizen) -> dict[str, Any]:
    """Every mandate over the caller, by whoever recorded it; those that only wait for her to agree, too."""
    citizen = await _load_person(context, caller)
    return {"mandates": [citizen.render_mandate(each) for each in citizen.mandates]}


@router.post(
    "/v1/mandates/agreements",
    summary="Agree to a proposed mandate",
    status_code=201,
    response_model=MandateView,
    responses=response_docs(MandateView, {201: "It holds from now on, as a mandate of her own", 200: "It did before"}),
)
async def agree_to_mandate(
    context: Context, publisher: OwnPublisher, caller: Citizen, form: MandateAgreementForm, response: Response
) -> dict[str, Any]:
    """She gives a mandate of her own that says what was proposed: hers to end, whoever takes his back."""
    citizen = await _load_person(context, caller)
    proposal = citizen.find_mandate(form.mandate)
    mandate_id = proposal.agreement_id(citizen.account)
    if mandate_id is None or proposal.validity == "binds":
        raise Problem(409, "no-proposal", "this mandate counts as it stands: there is nothing to agree to")
    if proposal.version != form.version:
        raise Problem(409, "changed", "what was proposed has changed: read it again before you agree")
    if not proposal.is_given:
        raise Problem(409, "withdrawn", "this proposal was taken back: give a mandate of your own instead")
    before = next((each for each in citizen.mandates if each.mandate_id == mandate_id and each.is_live), None)
    if before is not None and before.has_same_terms(proposal):
        response.status_code = 200
        return citizen.render_mandate(before)
    agent, data = proposal.data["agent"], proposal.data
    payload = MandateGiven(
        mandate=mandate_id,
        agent=Ref(org=agent["org"], subject=agent["subject"]),
        services=tuple(Party(org=org, service=service) for org, service in proposal.services),
        powers=tuple(data["powers"]),
        until=proposal.until,
    )
    await publisher.publish(citizen.build_event(payload))
    after = await _load_person(context, caller)
    return after.render_mandate(after.find_mandate(mandate_id))


@router.post("/v1/mandates/withdrawals", summary="End a mandate", response_model=MandateView)
async def withdraw_mandate(
    context: Context, publisher: OwnPublisher, caller: Citizen, form: MandateWithdrawalForm
) -> dict[str, Any]:
    """Its agent may do nothing by it from now on, whoever gave it, and is not told why."""
    citizen = await _load_person(context, caller)
    mandate = citizen.find_mandate(form.mandate)
    if mandate.is_given:
        await publisher.publish(citizen.build_event(MandateWithdrawn(mandate=mandate.withdrawal_id(citizen.account))))
        citizen = await _load_person(context, caller)
        mandate = citizen.find_mandate(form.mandate)
    return citizen.render_mandate(mandate)


async def _load_person(context: AppContext, caller: Caller) -> _Person:
    """The mandates over the caller. Raises Problem for who is no citizen."""
    reader, now = citizen_reader(caller), context.clock()
    account, key = reader.account or "", ReaderKey(context.secret, reader.name)
    async with read_transaction(context.pool) as connection:
        members = await load_own_members(connection, account)
        numbers, refs = ([], []) if members is None else (members.numbers, members.refs)
        steps = await mandate_repository.load_mandate_steps(connection, numbers)
        concealment = await concealment_repository.load_concealment(connection, refs)
        registrars = await registrar_repository.all_registrars(connection)
    event_time, sequence = next_event_position(now, steps, ACCOUNT_SOURCE)
    mandates = list_own_mandates([parse_step(step) for step in steps], account, registrars, concealment, key, now)
    return _Person(account, key, event_time, sequence, mandates)


def _render_party(org: str, service: str | None) -> dict[str, str]:
    return {"org": org} if service is None else {"org": org, "service": service}
