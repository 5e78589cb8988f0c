"""`/v1/consents`: a citizen lists, gives and withdraws what she agrees to. Each takes effect before it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline.interaction import Interaction, interaction
from pathline.vocabulary import Code, ConsentGiven, ConsentWithdrawn, Identifier, Instant, ItemCode, Payload
from pathline_gateway.access_log.request_row import reading, tells_of
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import CurrentCaller, person
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.reserved_names import ACCOUNT, CITIZENS
from pathline_gateway.visibility import consent_repository
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.citizen_consents import (
    Counts,
    OwnConsent,
    agreement_to,
    last_word,
    own_consents,
    withdrawal_of,
)
from pathline_gateway.visibility.consent import ConsentEvent
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.openapi_responses import answers
from pathline_gateway.web.problem import Problem

Put = Callable[[Interaction[Payload]], Awaitable[None]]
"""Writes an event of the gateway's own making; what is read afterwards knows of it."""


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
    counts: Counts
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
    said: list[ConsentEvent]
    told: list[OwnConsent]

    def named(self, name: str) -> OwnConsent | None:
        """The consent that she calls so."""
        return next((each for each in self.told if each.name == name), None)

    def event(self, payload: Payload) -> Interaction[Payload]:
        """What she says now, as an event of her account's."""
        at, sequence = last_word(self.now, self.said, ACCOUNT)
        id = str(uuid4())
        return interaction(payload, source=ACCOUNT, subject=self.account, time=at, id=id, sequence=sequence)


def routes(pool: asyncpg.Pool, secret: bytes, clock: Callable[[], datetime], put: Put) -> APIRouter:
    """`GET` and `POST /v1/consents`, and `POST` its `/withdrawals` and `/agreements`."""
    router = APIRouter(tags=["consents"])

    @router.get("/v1/consents", summary="List one's consents", response_model=ConsentList)
    async def listed(caller: CurrentCaller) -> dict[str, Any]:
        """Everything that was agreed to about the caller, by whoever recorded it."""
        hers = await _of(pool, secret, clock, caller)
        return {"consents": [_served(each) for each in hers.told]}

    @router.post(
        "/v1/consents",
        summary="Give a consent",
        status_code=201,
        response_model=ConsentView,
        responses=answers(ConsentView, {201: "It holds from now on", 200: "It held before"}),
    )
    async def give(caller: CurrentCaller, wanted: ConsentForm, response: Response) -> dict[str, Any]:
        """201 when it holds from now on; 200 when it did before."""
        hers = await _of(pool, secret, clock, caller)
        name = wanted.consent or str(uuid4())
        payload = ConsentGiven(**(wanted.model_dump() | {"consent": name}))
        before = hers.named(name)
        if before is not None and before.live and _says(before.event, payload):
            response.status_code = 200
            return _served(before)
        await put(hers.event(payload))
        after = (await _of(pool, secret, clock, caller)).named(name)
        if after is None:
            raise Problem(
                409,
                "concealed",
                "your consent is stored and takes effect, but is shown to nobody: it names something concealed",
            )
        return _served(after)

    @router.post(
        "/v1/consents/agreements",
        summary="Agree to a proposed consent",
        status_code=201,
        response_model=ConsentView,
        responses=answers(ConsentView, {201: "It holds from now on, as a consent of her own", 200: "It held before"}),
    )
    async def agree(caller: CurrentCaller, wanted: AgreementForm, response: Response) -> dict[str, Any]:
        """She gives a consent of her own that says what was proposed: hers to withdraw, whoever takes his back."""
        hers = await _of(pool, secret, clock, caller)
        found = hers.named(wanted.consent)
        if found is None:
            raise no_such_consent()
        name = agreement_to(found, hers.account, hers.key)
        if name is None or found.counts == "binds":
            raise Problem(409, "no-proposal", "this consent counts as it stands: there is nothing to agree to")
        if found.version != wanted.version:
            raise Problem(409, "changed", "what was proposed has changed: read it again before you agree")
        if not found.given:
            raise Problem(409, "withdrawn", "this proposal was taken back: give a consent of your own instead")
        event = found.event
        payload = ConsentGiven(
            consent=name,
            holders=found.holders,
            recipients=found.recipients,
            nouns=event.nouns,
            items=event.items,  # type: ignore[arg-type]  # as they were accepted
            purpose=event.purpose or "",
            until=event.until,
        )
        before = hers.named(name)
        if before is not None and before.live and _says(before.event, payload):
            response.status_code = 200
            return _served(before)
        await put(hers.event(payload))
        after = (await _of(pool, secret, clock, caller)).named(name)
        return _served(found if after is None else after)

    @router.post("/v1/consents/withdrawals", summary="Withdraw a consent", response_model=ConsentView)
    async def withdraw(caller: CurrentCaller, wanted: WithdrawalForm) -> dict[str, Any]:
        """It permits nothing from now on; an organisation's own record of one neither."""
        hers = await _of(pool, secret, clock, caller)
        found = hers.named(wanted.consent)
        if found is None:
            raise no_such_consent()
        if found.given:
            event = found.event
            payload = ConsentWithdrawn(
                consent=withdrawal_of(found, hers.account, hers.key),
                recipients=event.recipients,
                purpose=event.purpose,
            )
            await put(hers.event(payload))
            found = (await _of(pool, secret, clock, caller)).named(wanted.consent) or found
        return _served(found)

    return router


def no_such_consent() -> Problem:
    """Said of what was never recorded, and of what she may not be told."""
    return Problem(404, "no-such-consent", "there is no consent of this name: look at the list")


async def _of(pool: asyncpg.Pool, secret: bytes, clock: Callable[[], datetime], caller: Caller) -> _Citizen:
    """The caller's consents. Raises Problem for who is no citizen."""
    reader = person(caller)
    account, key, now = reader.account or "", ReaderKey(secret, reader.name), clock()
    async with reading(pool) as connection:
        refs = await _refs(connection, account)
        said = await consent_repository.of_refs(connection, refs)
        concealment = await concealment_repository.concealment(connection, refs)
    heard = [each for each in said if not concealment.ref(each.org, each.subject)]
    return _Citizen(account, key, now, heard, own_consents(said, account, concealment, key, now))


async def _refs(connection: asyncpg.Connection, account: str) -> list[tuple[str, str]]:
    """The refs of her pathway; her account's alone where nothing is known of her yet."""
    found = await visibility_repository.ref_of(connection, CITIZENS, account)
    tells_of(() if found is None else (found[0],))
    members = None if found is None else await pathway_repository.members(connection, found[1])
    return list(members.refs) if isinstance(members, pathway_repository.PathwayMembers) else [(CITIZENS, account)]


def _says(event: ConsentEvent, payload: ConsentGiven) -> bool:
    """Whether the event agreed to just this."""
    parts = (payload.holders, payload.recipients, payload.nouns or (), payload.items or (), payload.purpose)
    return (event.holders, event.recipients, event.nouns, event.items, event.purpose, event.until) == (
        *parts,
        payload.until,
    )


def _served(consent: OwnConsent) -> dict[str, Any]:
    event = consent.event
    return {
        "consent": consent.name,
        "org": event.org,
        "given": instant.serve(event.time),
        "counts": consent.counts,
        "live": consent.live,
        "holders": consent.holders,
        "recipients": consent.recipients,
        "nouns": event.nouns,
        "items": event.items,
        "purpose": event.purpose,
        "until": None if event.until is None else instant.serve(event.until),
        "version": consent.version,
    }
