"""`/v1/mandates`: a citizen lists the mandates over her, agrees to what is proposed, and ends what she wants ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

import asyncpg
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline.interaction import Interaction, interaction
from pathline.vocabulary import Identifier, MandateGiven, MandateWithdrawn, Payload
from pathline.vocabulary.shapes import Party, Ref
from pathline_gateway.access_log.request_row import reading, tells_of
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import Citizen, person
from pathline_gateway.auth.reader import Reader
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.parsed_step import parse_step
from pathline_gateway.reserved_names import ACCOUNT, CITIZENS
from pathline_gateway.visibility import mandate_repository, registrar_repository
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.citizen_consents import last_word
from pathline_gateway.visibility.citizen_mandates import Counts, OwnMandate, own_mandates
from pathline_gateway.visibility.consent_endpoints import Put
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.openapi_responses import answers
from pathline_gateway.web.problem import Problem


class EndingMandate(BaseModel):
    """Which mandate has ended."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    mandate: Identifier
    """As the list names it."""


class AgreeingToMandate(BaseModel):
    """Which proposal she agrees to."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    mandate: Identifier
    """As the list names it."""
    version: Annotated[str, Field(max_length=64)]
    """As the list has it: nobody changes in between what you agree to."""


class ListedMandate(BaseModel):
    """A mandate as the person over whom it is is told it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    mandate: str
    org: str
    """Who recorded it: `citizen` where she gave it herself."""
    given: datetime
    counts: Counts
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

    mandates: list[ListedMandate]


@dataclass(frozen=True, slots=True)
class _Person:
    """The mandates over one person, as they stand."""

    account: str
    key: ReaderKey
    at: datetime
    """When what she says now counts: after all that she said before."""
    sequence: str
    told: list[OwnMandate]

    def named(self, name: str) -> OwnMandate:
        """The mandate that she calls so. Raises Problem."""
        found = next((each for each in self.told if each.name == name), None)
        if found is None:
            raise Problem(404, "no-such-mandate", "there is no mandate of this name: look at the list")
        return found

    def event(self, payload: Payload) -> Interaction[Payload]:
        """What she says now, as an event of her account's."""
        id = str(uuid4())
        return interaction(payload, source=ACCOUNT, subject=self.account, time=self.at, id=id, sequence=self.sequence)

    def served(self, each: OwnMandate) -> dict[str, Any]:
        """As she is told it."""
        agent = each.said["agent"]
        hers = each.name == each.said["mandate"]
        subject = agent["subject"] if hers else self.key.subject(agent["org"], agent["subject"])
        return {
            "mandate": each.name,
            "org": each.org,
            "given": instant.serve(each.told.step.time),
            "counts": each.counts,
            "live": each.live,
            "agent": {"org": agent["org"], "subject": subject},
            "services": [_party(*service) for service in each.services],
            "powers": list(each.said["powers"]),
            "until": None if each.until is None else instant.serve(each.until),
            "version": each.version,
        }


def routes(pool: asyncpg.Pool, secret: bytes, clock: Callable[[], datetime], put: Put) -> APIRouter:
    """`GET /v1/mandates`, and `POST` its `/agreements` and `/withdrawals`."""
    router = APIRouter(tags=["mandates"])

    async def of(caller: Caller) -> _Person:
        return await _of(pool, secret, clock(), person(caller))

    @router.get("/v1/mandates", summary="List the mandates over oneself", response_model=Mandates)
    async def listed(caller: Citizen) -> dict[str, Any]:
        """Every mandate over the caller, by whoever recorded it; those that only wait for her to agree, too."""
        hers = await of(caller)
        return {"mandates": [hers.served(each) for each in hers.told]}

    @router.post(
        "/v1/mandates/agreements",
        summary="Agree to a proposed mandate",
        status_code=201,
        response_model=ListedMandate,
        responses=answers(ListedMandate, {201: "It holds from now on, as a mandate of her own", 200: "It did before"}),
    )
    async def agree(caller: Citizen, wanted: AgreeingToMandate, response: Response) -> dict[str, Any]:
        """She gives a mandate of her own that says what was proposed: hers to end, whoever takes his back."""
        hers = await of(caller)
        found = hers.named(wanted.mandate)
        name = found.agreement(hers.account)
        if name is None or found.counts == "binds":
            raise Problem(409, "no-proposal", "this mandate counts as it stands: there is nothing to agree to")
        if found.version != wanted.version:
            raise Problem(409, "changed", "what was proposed has changed: read it again before you agree")
        if not found.given:
            raise Problem(409, "withdrawn", "this proposal was taken back: give a mandate of your own instead")
        before = next((each for each in hers.told if each.name == name and each.live), None)
        if before is not None and before.says_the_same(found):
            response.status_code = 200
            return hers.served(before)
        agent, said = found.said["agent"], found.said
        payload = MandateGiven(
            mandate=name,
            agent=Ref(org=agent["org"], subject=agent["subject"]),
            services=tuple(Party(org=org, service=service) for org, service in found.services),
            powers=tuple(said["powers"]),
            until=found.until,
        )
        await put(hers.event(payload))
        after = await of(caller)
        return after.served(after.named(name))

    @router.post("/v1/mandates/withdrawals", summary="End a mandate", response_model=ListedMandate)
    async def withdraw(caller: Citizen, wanted: EndingMandate) -> dict[str, Any]:
        """Its agent may do nothing by it from now on, whoever gave it, and is not told why."""
        hers = await of(caller)
        found = hers.named(wanted.mandate)
        if found.given:
            await put(hers.event(MandateWithdrawn(mandate=found.withdrawal(hers.account))))
            hers = await of(caller)
            found = hers.named(wanted.mandate)
        return hers.served(found)

    return router


async def _of(pool: asyncpg.Pool, secret: bytes, now: datetime, reader: Reader) -> _Person:
    """The mandates over this person."""
    account, key = reader.account or "", ReaderKey(secret, reader.name)
    async with reading(pool) as connection:
        found = await visibility_repository.ref_of(connection, CITIZENS, account)
        tells_of(() if found is None else (found[0],))
        members = None if found is None else await pathway_repository.members(connection, found[1])
        known = members if isinstance(members, pathway_repository.PathwayMembers) else None
        steps = [] if known is None else await mandate_repository.of_refs(connection, known.numbers)
        concealment = await concealment_repository.concealment(connection, [] if known is None else known.refs)
        entered = await registrar_repository.entered(connection)
    at, sequence = last_word(now, steps, ACCOUNT)
    own = own_mandates([parse_step(step) for step in steps], account, entered, concealment, key, now)
    return _Person(account, key, at, sequence, own)


def _party(org: str, service: str | None) -> dict[str, str]:
    return {"org": org} if service is None else {"org": org, "service": service}
