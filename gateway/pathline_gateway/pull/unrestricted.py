"""The answer of a pull to whoever sees everything."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import orjson
from fastapi import Response

from pathline_gateway.handoffs.on_pathway import (
    bodies,
    has_handoffs,
)
from pathline_gateway.pathways import as_of_repository, part_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.pathways.errors import no_such_pathway
from pathline_gateway.pull.json_writer import write
from pathline_gateway.pull.paging import ALL, MOST, PageAsked, RequestedPage, cursor, next_link
from pathline_gateway.pull.pathway_reader import (
    PathwayReading,
    is_here,
    read_long,
    read_page,
    statuses,
    stored_statuses,
)
from pathline_gateway.pull.serialization import NO_HANDOFFS, served, version_of
from pathline_gateway.telemetry.instruments import PULL_DURATION, spanning
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.uncomputable import computing

OPERATOR = "operator"
"""The reader when auth is off."""


CACHE = "private, no-cache"


@lru_cache(maxsize=2)
def open_key(secret: bytes) -> ReaderKey:
    """What makes cursors where nobody is told apart."""
    return ReaderKey(secret, "open")


async def pulled(
    pool: asyncpg.Pool,
    secret: bytes,
    clock: Callable[[], datetime],
    pathway: UUID,
    if_none_match: str | None,
    part: RequestedPage = ALL,
) -> Response:
    """The answer to a pull. Raises Problem."""
    began, key = time.perf_counter(), open_key(secret)
    asked = part.read(key)
    async with pool.acquire() as connection:
        with computing():
            response = await _pull(connection, key, pathway, if_none_match, clock(), part, asked)
    PULL_DURATION.record(time.perf_counter() - began, {"pathline.pull": "pathway"})
    return response


async def pulled_as_of(pool: asyncpg.Pool, secret: bytes, pathway: UUID, at: datetime, part: RequestedPage) -> Response:
    """What a pull of this id would have answered then. Raises Problem."""
    key = open_key(secret)
    asked = part.read(key)
    with spanning("pull pathway"), computing():
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            members = await as_of_repository.members(connection, pathway, at)
            if members is None:
                raise no_such_pathway()
            if isinstance(members, UUID):
                return moved(members, "", part, at)
            if await part_repository.count(connection, members, at) > MOST:
                return await _long(connection, key, members, asked, part, None, at, at)
            assembled = assemble(*await as_of_repository.received(connection, members, at))
            # What was published on other pathways about its hand-offs is not told: those were other people's then.
            found = await statuses(connection, assembled.steps, (), at)
    version = hashlib.blake2b(repr((members.refs, assembled, bodies(found))).encode(), digest_size=12).hexdigest()
    return _answered(PathwayReading(members, version, assembled, found).page(asked), key, None, part, at)


def moved(to: UUID, below: str = "", part: RequestedPage = ALL, at: datetime | None = None) -> Response:
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
    part: RequestedPage,
    asked: PageAsked,
) -> Response:
    members, stored = await pathway_repository.stored(connection, pathway, MOST)
    is_long = len(stored.rows) > MOST
    if not asked.is_plain or is_long or not is_here(members) or members.amended or stored.amended:
        found = await read_page(connection, pathway, now, asked)
        return moved(found, "", part) if isinstance(found, UUID) else _answered(found, key, if_none_match, part)
    handoffs = NO_HANDOFFS
    if has_handoffs(stored):
        handoffs = orjson.dumps(bodies(await stored_statuses(connection, stored, now)))
    version = version_of(members, stored, (), handoffs)
    headers = {"etag": _etag(version), "cache-control": CACHE}
    if _has(if_none_match, headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(write(members, version, stored, handoffs), 200, headers, "application/json")


async def _long(
    connection: asyncpg.Connection,
    key: ReaderKey,
    members: pathway_repository.PathwayMembers,
    asked: PageAsked,
    part: RequestedPage,
    if_none_match: str | None,
    now: datetime,
    at: datetime | None,
) -> Response:
    return _answered(await read_long(connection, members, asked, now, at), key, if_none_match, part, at)


def _answered(
    found: PathwayReading, key: ReaderKey, if_none_match: str | None, part: RequestedPage, at: datetime | None = None
) -> Response:
    """A page, or the whole."""
    handoffs = found.bodies()
    # The version is of all steps; what is told of hand-offs on a page changes besides, and so does where it begins.
    etag = found.version
    if found.next is not None or not part.is_plain:
        said = orjson.dumps((found.version, handoffs, part.said()))
        etag = hashlib.blake2b(said, digest_size=12).hexdigest()
    headers = {"etag": _etag(etag), "cache-control": CACHE}
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
    otlp: dict[str, object], following: str | None, pathway: UUID, part: RequestedPage, headers: Mapping[str, str]
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
