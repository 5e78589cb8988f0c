"""Pulling a pathway: search by subject (in the body, never in a URL), read by id, follow an id that was joined."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol, TypeGuard
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline.vocabulary import Code, Instant, Subject
from pathline_gateway.assemble.amendments import Amendment, amended
from pathline_gateway.assemble.pathway import Pathway, assemble
from pathline_gateway.assemble.step import Step
from pathline_gateway.handoff.clocks import Clocks
from pathline_gateway.handoff.event import handoff_event
from pathline_gateway.measure.journey_trace import TraceKey, journey_trace
from pathline_gateway.problem import Problem
from pathline_gateway.pull.described import PATHWAY, TRACE
from pathline_gateway.pull.handoffs import bodies, clocked, contacts_by, has_handoffs, lives, receivers, told_from
from pathline_gateway.pull.quick import PATH
from pathline_gateway.pull.written import write
from pathline_gateway.store import handoff_links, past, register
from pathline_gateway.store import pathways as store
from pathline_gateway.telemetry import PULL_DURATION, spanning
from pathline_gateway.trust.caller import Caller
from pathline_gateway.trust.who import Calling

OPERATOR = "operator"
"""The reader when auth is off."""
_CACHE = "private, no-cache"
_NO_HANDOFFS = b"[]"
_LONGEST_STATED = 2_100
_NO_SUCH = "no interaction was ever published under this subject, or it is not yet applied"


class Search(BaseModel):
    """A person as one organisation knows her."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    org: Code
    """The organisation's code."""
    subject: Subject
    """Its pseudonym for the person."""
    purpose: Annotated[str, Field(max_length=_LONGEST_STATED)] | None = None
    """What the pathway is wanted for, a code; as in the header `pathline-purpose`."""
    authority: Annotated[str, Field(max_length=_LONGEST_STATED)] | None = None
    """What is relied on besides consent; as in the header `pathline-authority`."""


class Found(BaseModel):
    """The pathway that the subject belongs to."""

    pathway: UUID


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for something of a pathway, and what she says that it is for, as it was sent."""

    caller: Caller
    purpose: str | None = None
    authority: str | None = None


class Readers(Protocol):
    """Answers those who do not see everything. Each raises Problem."""

    async def search(self, asked: Asked, org: str, subject: str) -> UUID:
        """What this reader calls the pathway of this subject."""

    async def pull(
        self, asked: Asked, pathway: UUID, if_none_match: str | None, as_of: datetime | None = None
    ) -> Response:
        """What this reader sees of the pathway, now or as it stood."""

    async def trace(self, asked: Asked, pathway: UUID) -> Response:
        """The same as a trace."""


Purpose = Annotated[str | None, Header(alias="pathline-purpose", description="What it is for: a code")]
Authority = Annotated[
    str | None,
    Header(
        alias="pathline-authority",
        description='What is relied on besides consent: law, serious-threat or mandate; instrument="…"',
    ),
]

Id = Annotated[UUID, Path(description="What this reader calls the pathway: the answer of a search")]

AsOf = Annotated[
    Instant | None, Query(description="The pathway as it stood then: its refs, and what had been received")
]


def routes(pool: asyncpg.Pool, secret: bytes, readers: Readers, clock: Callable[[], datetime]) -> APIRouter:
    """`POST /v1/pathways/search`, `GET /v1/pathways/{id}` and `GET /v1/pathways/{id}/trace`."""
    router = APIRouter(tags=["pathways"])

    @router.post("/v1/pathways/search", summary="Find a person's pathway")
    async def search(wanted: Search, caller: Calling, purpose: Purpose = None, authority: Authority = None) -> Found:
        """The pathway that this subject belongs to now."""
        if not caller.open:
            asked = Asked(caller, wanted.purpose or purpose, wanted.authority or authority)
            return Found(pathway=await readers.search(asked, wanted.org, wanted.subject))
        async with pool.acquire() as connection:
            found = await store.pathway_of(connection, wanted.org, wanted.subject)
        if found is None:
            raise no_such_subject()
        return Found(pathway=found)

    @router.get(PATH, summary="Pull a pathway", response_class=Response, responses=PATHWAY)
    async def pull(
        pathway: Id,
        caller: Calling,
        if_none_match: Annotated[str | None, Header(description="Versions that the reader has already")] = None,
        purpose: Purpose = None,
        authority: Authority = None,
        as_of: AsOf = None,
    ) -> Response:
        """Steps in order, legs and subjects. The ETag is the version; an id that was joined redirects."""
        if not caller.open:
            return await readers.pull(Asked(caller, purpose, authority), pathway, if_none_match, as_of)
        if as_of is not None:
            return await _pulled_as_of(pool, pathway, as_of)
        return await pulled(pool, clock, pathway, if_none_match)

    @router.get(
        "/v1/pathways/{pathway}/trace", summary="A pathway as a trace", response_class=Response, responses=TRACE
    )
    async def trace(pathway: Id, caller: Calling, purpose: Purpose = None, authority: Authority = None) -> Response:
        """The journey as OTLP JSON, which any OpenTelemetry viewer draws."""
        if not caller.open:
            return await readers.trace(Asked(caller, purpose, authority), pathway)
        with spanning("pull trace"):
            async with pool.acquire() as connection:
                found = await read(connection, pathway, clock())
        if isinstance(found, UUID):
            return moved(found, "/trace")
        key = TraceKey(secret, OPERATOR, str(pathway), found.version)
        return Response(orjson.dumps(journey_trace(found.assembled, key)), media_type="application/json")

    return router


def no_such_subject() -> Problem:
    """The same for a subject that nobody knows and for one that the reader may not know."""
    return Problem(404, "no-such-pathway", _NO_SUCH)


def no_such_pathway() -> Problem:
    """The same for an id that was never given and for one that was given to another reader."""
    return Problem(404, "no-such-pathway", "there is no pathway with this id")


async def pulled(
    pool: asyncpg.Pool, clock: Callable[[], datetime], pathway: UUID, if_none_match: str | None
) -> Response:
    """The answer to a pull. Raises Problem."""
    began = time.perf_counter()
    async with pool.acquire() as connection:
        response = await _pull(connection, pathway, if_none_match, clock())
    PULL_DURATION.record(time.perf_counter() - began, {"pathline.pull": "pathway"})
    return response


async def _pulled_as_of(pool: asyncpg.Pool, pathway: UUID, at: datetime) -> Response:
    """What a pull of this id would have answered then. Raises Problem."""
    with spanning("pull pathway"):
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            members = await past.members(connection, pathway, at)
            if members is None:
                raise no_such_pathway()
            if isinstance(members, UUID):
                return moved(members, f"?{urlencode({'as_of': at.isoformat()})}")
            assembled = assemble(*await past.received(connection, members, at))
            # What was published on other pathways about its hand-offs is not told: those were other people's then.
            handoffs = bodies(await _clocked(connection, assembled.steps, (), at))
    version = hashlib.blake2b(repr((members.refs, assembled, handoffs)).encode(), digest_size=12).hexdigest()
    headers = {"etag": _etag(version), "cache-control": _CACHE}
    return Response(orjson.dumps(served(members, version, assembled, handoffs)), 200, headers, "application/json")


@dataclass(frozen=True)
class Reading:
    """A pathway as it was read."""

    members: store.Members
    version: str
    assembled: Pathway
    handoffs: Sequence[Clocks] = ()


async def read(connection: asyncpg.Connection, pathway: UUID, now: datetime) -> Reading | UUID:
    """The pathway with this id, or the id that it was joined into, as the store held it at one moment.

    Raises Problem when there is none.
    """
    members, stored = await store.stored(connection, pathway)
    return await _folded(connection, pathway, now, members, stored)


async def _folded(
    connection: asyncpg.Connection,
    pathway: UUID,
    now: datetime,
    members: store.Members | UUID | None,
    stored: store.Stored,
) -> Reading | UUID:
    amendments: list[Amendment] = []
    elsewhere = stored.steps_elsewhere()
    if _is_here(members) and (members.amended or stored.amended):
        # Rare, and several statements: a snapshot makes them one moment.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            members, stored = await store.stored(connection, pathway)
            amendments = await store.amendments(connection, list(stored.refs)) if _is_here(members) else []
            elsewhere = await _elsewhere(connection, amended(stored.steps(), amendments))
    if members is None:
        raise no_such_pathway()
    if isinstance(members, UUID):
        return members
    assembled = assemble(stored.steps(), amendments)
    found = await _clocked(connection, assembled.steps, elsewhere, now)
    version = version_of(members, stored, amendments, orjson.dumps(bodies(found)))
    return Reading(members, version, assembled, found)


async def _elsewhere(connection: asyncpg.Connection, steps: Sequence[Step]) -> list[Step]:
    """What was published on other pathways about the hand-offs of these steps, all of it as amended."""
    here = {(step.source, step.id) for step in steps}
    named = {event.handoff for step in steps if (event := handoff_event(step)) and event.handoff is not None}
    if not named:
        return []
    events, amendments, _ = await handoff_links.events(connection, named)
    return [step for step in amended(events, amendments) if (step.source, step.id) not in here]


async def _clocked(
    connection: asyncpg.Connection, steps: Sequence[Step], elsewhere: Sequence[Step], now: datetime
) -> list[Clocks]:
    found = lives(steps, elsewhere)
    if not found:
        return []
    return clocked(found, steps, await register.registered(connection, receivers(found)), now)


async def _clocked_stored(connection: asyncpg.Connection, stored: store.Stored, now: datetime) -> list[Clocks]:
    """The same, of what nobody has amended: only the steps that matter are looked into."""
    found = lives(told_from(stored), stored.steps_elsewhere())
    if not found:
        return []
    asked = receivers(found)
    return clocked(found, contacts_by(stored, asked), await register.registered(connection, asked), now)


def _is_here(members: store.Members | UUID | None) -> TypeGuard[store.Members]:
    return isinstance(members, store.Members)


def moved(to: UUID, below: str = "") -> Response:
    """Look there."""
    return Response(status_code=308, headers={"location": f"/v1/pathways/{to}{below}"})


async def _pull(connection: asyncpg.Connection, pathway: UUID, if_none_match: str | None, now: datetime) -> Response:
    members, stored = await store.stored(connection, pathway)
    folded: Reading | None = None
    handoffs = _NO_HANDOFFS
    if _is_here(members) and not members.amended and not stored.amended:
        if has_handoffs(stored):
            handoffs = orjson.dumps(bodies(await _clocked_stored(connection, stored, now)))
        version = version_of(members, stored, (), handoffs)
    else:
        found = await _folded(connection, pathway, now, members, stored)
        if isinstance(found, UUID):
            return moved(found)
        folded, members, version = found, found.members, found.version
    etag = _etag(version)
    headers = {"etag": etag, "cache-control": _CACHE}
    tags = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if tags & {etag, "*"}:
        return Response(status_code=304, headers=headers)
    if folded is not None:
        body = orjson.dumps(served(members, version, folded.assembled, bodies(folded.handoffs)))
    else:
        body = write(members, version, stored, handoffs)
    return Response(body, 200, headers, "application/json")


def _etag(version: str) -> str:
    return f'"{version}"'


def version_of(
    members: store.Members,
    stored: store.Stored,
    amendments: Iterable[Amendment] = (),
    handoffs: bytes = _NO_HANDOFFS,
) -> str:
    """Changes exactly when a read may answer something else.

    What is stored is never rewritten, so which interactions and amendments there are says what they say. Hand-offs
    change with what is published on other pathways, and when an instant passes by which an answer was due.
    """
    steps = [row[: store.IDENTITY] for row in stored.rows]
    amending = sorted((each.source, each.id) for each in amendments)
    said = orjson.dumps((str(members.pathway), members.refs, steps, amending))
    return hashlib.blake2b(said + handoffs, digest_size=12).hexdigest()


def served(
    members: store.Members, version: str, pathway: Pathway, handoffs: Sequence[object] = ()
) -> dict[str, object]:
    """The pathway as it is served."""
    return {
        "pathway": str(members.pathway),
        "version": version,
        "subjects": [{"org": org, "subject": subject} for org, subject in members.refs],
        "legs": [{"org": org, "service": service} for org, service in pathway.legs],
        "steps": [serve_step(step) for step in pathway.steps],
        "handoffs": handoffs,
        "facts": [],
    }


def serve_step(step: Step) -> dict[str, object]:
    """A step as it is served; its data as it was sent."""
    return {
        "source": step.source,
        "id": step.id,
        "type": step.type,
        "time": instant.serve(step.time),
        "recordedtime": None if step.recordedtime is None else instant.serve(step.recordedtime),
        "org": step.org,
        "service": step.service,
        "channel": step.channel,
        "activity": step.activity,
        "initiator": step.initiator,
        "actor": step.actor,
        "sequence": step.sequence,
        "subject": step.subject,
        "attributes": orjson.Fragment(step.extra),
        "data": orjson.Fragment(step.data),
    }
