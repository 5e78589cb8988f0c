"""Pulling a pathway: search by subject (in the body, never in a URL), read by id, follow an id that was joined."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Protocol, TypeGuard
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
from pathline_gateway.handoff.clocks import served as serve_handoff
from pathline_gateway.handoff.event import handoff_event
from pathline_gateway.measure.journey_trace import TraceKey, journey_trace
from pathline_gateway.problem import Problem
from pathline_gateway.pull import long_pathways
from pathline_gateway.pull.computing import computing
from pathline_gateway.pull.described import PATHWAY, TRACE
from pathline_gateway.pull.handoffs import (
    bodies,
    clocked,
    contacts_by,
    has_handoffs,
    in_order,
    lives,
    receivers,
    told_from,
)
from pathline_gateway.pull.paging import ALL, MOST, WHOLE, After, Limit, PageAsked, Part, cursor, next_link
from pathline_gateway.pull.quick import PATH
from pathline_gateway.pull.written import write
from pathline_gateway.store import handoff_links, past, pathway_parts, register
from pathline_gateway.store import pathways as store
from pathline_gateway.store.pathway_parts import StepPlace
from pathline_gateway.telemetry import PULL_DURATION, spanning
from pathline_gateway.trust.caller import Caller
from pathline_gateway.trust.pairwise import ReaderKey
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


@lru_cache(maxsize=2)
def open_key(secret: bytes) -> ReaderKey:
    """What makes cursors where nobody is told apart."""
    return ReaderKey(secret, "open")


class Readers(Protocol):
    """Answers those who do not see everything. Each raises Problem."""

    async def search(self, asked: Asked, org: str, subject: str) -> UUID:
        """What this reader calls the pathway of this subject."""

    async def pull(
        self,
        asked: Asked,
        pathway: UUID,
        if_none_match: str | None,
        as_of: datetime | None = None,
        part: Part = ALL,
    ) -> Response:
        """What this reader sees of the pathway, now or as it stood."""

    async def trace(self, asked: Asked, pathway: UUID, part: Part = ALL) -> Response:
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
        after: After = None,
        limit: Limit = MOST,
    ) -> Response:
        """Steps in order, legs and subjects. A long pathway comes in pages; an id that was joined redirects."""
        part = Part(after, limit)
        if not caller.open:
            return await readers.pull(Asked(caller, purpose, authority), pathway, if_none_match, as_of, part)
        if as_of is not None:
            return await _pulled_as_of(pool, secret, pathway, as_of, part)
        return await pulled(pool, secret, clock, pathway, if_none_match, part)

    @router.get(
        "/v1/pathways/{pathway}/trace", summary="A pathway as a trace", response_class=Response, responses=TRACE
    )
    async def trace(
        pathway: Id,
        caller: Calling,
        purpose: Purpose = None,
        authority: Authority = None,
        after: After = None,
        limit: Limit = MOST,
    ) -> Response:
        """The journey as OTLP JSON, which any OpenTelemetry viewer draws; of a long pathway, the steps of a page."""
        part = Part(after, limit)
        if not caller.open:
            return await readers.trace(Asked(caller, purpose, authority), pathway, part)
        asked = part.read(open_key(secret))
        with spanning("pull trace"):
            async with pool.acquire() as connection:
                found = await read_page(connection, pathway, clock(), asked)
        if isinstance(found, UUID):
            return moved(found, "/trace", part)
        key = TraceKey(secret, OPERATOR, str(pathway), found.version)
        following = None if found.next is None else cursor(open_key(secret), found.next)
        return traced(journey_trace(found.assembled, key), following, pathway, part, {})

    return router


def no_such_subject() -> Problem:
    """The same for a subject that nobody knows and for one that the reader may not know."""
    return Problem(404, "no-such-pathway", _NO_SUCH)


def no_such_pathway() -> Problem:
    """The same for an id that was never given and for one that was given to another reader."""
    return Problem(404, "no-such-pathway", "there is no pathway with this id")


async def pulled(
    pool: asyncpg.Pool,
    secret: bytes,
    clock: Callable[[], datetime],
    pathway: UUID,
    if_none_match: str | None,
    part: Part = ALL,
) -> Response:
    """The answer to a pull. Raises Problem."""
    began, key = time.perf_counter(), open_key(secret)
    asked = part.read(key)
    async with pool.acquire() as connection:
        with computing():
            response = await _pull(connection, key, pathway, if_none_match, clock(), part, asked)
    PULL_DURATION.record(time.perf_counter() - began, {"pathline.pull": "pathway"})
    return response


async def _pulled_as_of(pool: asyncpg.Pool, secret: bytes, pathway: UUID, at: datetime, part: Part) -> Response:
    """What a pull of this id would have answered then. Raises Problem."""
    key = open_key(secret)
    asked = part.read(key)
    with spanning("pull pathway"), computing():
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            members = await past.members(connection, pathway, at)
            if members is None:
                raise no_such_pathway()
            if isinstance(members, UUID):
                return moved(members, "", part, at)
            if await pathway_parts.count(connection, members, at) > MOST:
                return await _long(connection, key, members, asked, part, None, at, at)
            assembled = assemble(*await past.received(connection, members, at))
            # What was published on other pathways about its hand-offs is not told: those were other people's then.
            found = await _clocked(connection, assembled.steps, (), at)
    version = hashlib.blake2b(repr((members.refs, assembled, bodies(found))).encode(), digest_size=12).hexdigest()
    return _answered(Reading(members, version, assembled, found).page(asked), key, None, part, at)


@dataclass(frozen=True)
class Reading:
    """A pathway as it was read."""

    members: store.Members
    version: str
    assembled: Pathway
    handoffs: Sequence[Clocks] = ()
    others: Sequence[Clocks] = ()
    """Hand-offs that stand on other pages, and that one of these may send back."""
    next: StepPlace | None = None
    """After which step the next page begins, where there is one."""

    def page(self, asked: PageAsked) -> Reading:
        """The part that is asked for, of a pathway that was read whole."""
        if asked.is_plain and len(self.assembled.steps) <= MOST:
            return self
        steps, following = asked.part(list(self.assembled.steps))
        named = {event.handoff for step in steps if (event := handoff_event(step)) is not None}
        here = [each for each in self.handoffs if each.life.handoff in named]
        others = [each for each in self.handoffs if each.life.handoff not in named]
        return replace(self, assembled=assemble(steps), handoffs=here, others=others, next=following)

    def bodies(self) -> list[dict[str, Any]]:
        """The hand-offs as they are served."""
        every = [*self.handoffs, *self.others]
        return [serve_handoff(each, every) for each in in_order(self.handoffs)]


async def read_page(
    connection: asyncpg.Connection, pathway: UUID, now: datetime, asked: PageAsked = WHOLE
) -> Reading | UUID:
    """A page of the pathway with this id, or the id that it was joined into. Raises Problem when there is none."""
    members, stored = await store.stored(connection, pathway, MOST)
    if _is_here(members) and len(stored.rows) > MOST:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = await store.members(connection, pathway)
            if _is_here(found):
                return await _read_long(connection, found, asked, now)
        members, stored = await store.stored(connection, pathway, MOST)
    whole = await _folded(connection, pathway, now, members, stored)
    return whole if isinstance(whole, UUID) else whole.page(asked)


async def _read_long(
    connection: asyncpg.Connection, members: store.Members, asked: PageAsked, now: datetime, at: datetime | None = None
) -> Reading:
    found = await long_pathways.page(connection, members, asked, now, at)
    return Reading(members, found.version, found.part, found.handoffs, found.others, found.next)


async def read(connection: asyncpg.Connection, pathway: UUID, now: datetime) -> Reading | UUID:
    """The pathway with this id, or the id that it was joined into, as the store held it at one moment.

    Raises Problem when there is none.
    """
    with computing():
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


def moved(to: UUID, below: str = "", part: Part = ALL, at: datetime | None = None) -> Response:
    """Look there."""
    said = ({} if at is None else {"as_of": at.isoformat()}) | part.said()
    query = f"?{urlencode(said)}" if said else ""
    return Response(status_code=308, headers={"location": f"/v1/pathways/{to}{below}{query}"})


async def _pull(
    connection: asyncpg.Connection,
    key: ReaderKey,
    pathway: UUID,
    if_none_match: str | None,
    now: datetime,
    part: Part,
    asked: PageAsked,
) -> Response:
    members, stored = await store.stored(connection, pathway, MOST)
    is_long = len(stored.rows) > MOST
    if not asked.is_plain or is_long or not _is_here(members) or members.amended or stored.amended:
        found = await read_page(connection, pathway, now, asked)
        return moved(found, "", part) if isinstance(found, UUID) else _answered(found, key, if_none_match, part)
    handoffs = _NO_HANDOFFS
    if has_handoffs(stored):
        handoffs = orjson.dumps(bodies(await _clocked_stored(connection, stored, now)))
    version = version_of(members, stored, (), handoffs)
    headers = {"etag": _etag(version), "cache-control": _CACHE}
    if _has(if_none_match, headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(write(members, version, stored, handoffs), 200, headers, "application/json")


async def _long(
    connection: asyncpg.Connection,
    key: ReaderKey,
    members: store.Members,
    asked: PageAsked,
    part: Part,
    if_none_match: str | None,
    now: datetime,
    at: datetime | None,
) -> Response:
    return _answered(await _read_long(connection, members, asked, now, at), key, if_none_match, part, at)


def _answered(
    found: Reading, key: ReaderKey, if_none_match: str | None, part: Part, at: datetime | None = None
) -> Response:
    """A page, or the whole."""
    handoffs = found.bodies()
    # The version is of all steps; what is told of hand-offs on a page changes besides, and so does where it begins.
    etag = found.version
    if found.next is not None or not part.is_plain:
        said = orjson.dumps((found.version, handoffs, part.said()))
        etag = hashlib.blake2b(said, digest_size=12).hexdigest()
    headers = {"etag": _etag(etag), "cache-control": _CACHE}
    following = None if found.next is None else cursor(key, found.next)
    if following is not None:
        headers["link"] = next_link(f"/v1/pathways/{found.members.pathway}", following, part.limit, at)
    if _has(if_none_match, headers["etag"]):
        return Response(status_code=304, headers=headers)
    body = served(found.members, found.version, found.assembled, handoffs)
    if following is not None:
        body["next"] = following
    return Response(orjson.dumps(body), 200, headers, "application/json")


def traced(
    otlp: dict[str, object], following: str | None, pathway: UUID, part: Part, headers: Mapping[str, str]
) -> Response:
    """A trace, or that of a page."""
    said = dict(headers)
    if following is not None:
        otlp["next"] = following
        said["link"] = next_link(f"/v1/pathways/{pathway}/trace", following, part.limit)
    return Response(orjson.dumps(otlp), 200, said, "application/json")


def _has(if_none_match: str | None, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    return bool(tags & {etag, "*"})


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
