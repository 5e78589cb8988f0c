"""The answer of a pull to whoever sees everything."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

import asyncpg
import orjson
from fastapi import Response

from pathline_gateway.handoffs.pathway_handoffs import render_handoffs
from pathline_gateway.handoffs.stored_steps import names_handoff
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways import as_of_repository, part_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.pathways.errors import pathway_not_found
from pathline_gateway.pull.body_cache import NO_CACHE, BodyCache
from pathline_gateway.pull.json_writer import write_pathway
from pathline_gateway.pull.lifespan import lifespan_of
from pathline_gateway.pull.otlp_trace import TraceKey, journey_trace
from pathline_gateway.pull.page_range import MAX_STEPS, PageRange
from pathline_gateway.pull.paging import REQUESTED_FIRST_PAGE, RequestedPage, encode_cursor
from pathline_gateway.pull.pathway_etag import compute_version
from pathline_gateway.pull.pathway_reader import (
    PathwayReading,
    is_current,
    load_statuses,
    load_stored_statuses,
    read_long_pathway,
    read_page,
)
from pathline_gateway.pull.responses import matches_etag, pathway_response, redirect_to_pathway, trace_response
from pathline_gateway.pull.serialization import serialize_pathway
from pathline_gateway.telemetry.instruments import PULL_DURATION, start_span
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.uncomputable_problem import uncomputable_as_problem

OPERATOR = "operator"
"""The reader when auth is off."""


_HEADERS: Final = {"cache-control": "private, no-cache"}


@lru_cache(maxsize=2)
def unrestricted_key(secret: bytes) -> ReaderKey:
    """What makes cursors where nobody is told apart."""
    return ReaderKey(secret, "open")


async def pull_pathway(
    pool: asyncpg.Pool,
    secret: bytes,
    clock: Callable[[], datetime],
    pathway: UUID,
    if_none_match: str | None,
    requested_page: RequestedPage = REQUESTED_FIRST_PAGE,
    cache: BodyCache = NO_CACHE,
) -> Response:
    """The answer to a pull. Raises Problem."""
    started_at, key = time.perf_counter(), unrestricted_key(secret)
    page_range = requested_page.parse(key)
    async with pool.acquire() as connection:
        with uncomputable_as_problem():
            response = await _pull(connection, key, pathway, if_none_match, clock(), requested_page, page_range, cache)
    PULL_DURATION.record(time.perf_counter() - started_at, {"pathline.pull": "pathway"})
    return response


async def pull_pathway_as_of(
    pool: asyncpg.Pool, secret: bytes, pathway: UUID, as_of: datetime, requested_page: RequestedPage
) -> Response:
    """What a pull of this id would have answered then. Raises Problem."""
    key = unrestricted_key(secret)
    page_range = requested_page.parse(key)
    with start_span("pull pathway"), uncomputable_as_problem():
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            members = await as_of_repository.load_members_as_of(connection, pathway, as_of)
            if members is None:
                raise pathway_not_found()
            if isinstance(members, UUID):
                return redirect_to_pathway(members, "", requested_page, as_of)
            if await part_repository.count_interactions(connection, members, as_of) > MAX_STEPS:
                return await _pull_long(connection, key, members, page_range, requested_page, None, as_of, as_of)
            assembled = assemble(*await as_of_repository.load_steps_as_of(connection, members, as_of))
            # What was published on other pathways about its hand-offs is not told: those were other people's then.
            handoffs = await load_statuses(connection, assembled.steps, (), as_of)
    version = hashlib.blake2b(
        repr((members.refs, assembled, render_handoffs(handoffs))).encode(), digest_size=12
    ).hexdigest()
    return _build_response(
        PathwayReading(members, version, assembled, handoffs).slice_page(page_range), key, None, requested_page, as_of
    )


async def pull_trace(
    pool: asyncpg.Pool,
    secret: bytes,
    clock: Callable[[], datetime],
    pathway: UUID,
    requested_page: RequestedPage = REQUESTED_FIRST_PAGE,
) -> Response:
    """The journey as OTLP JSON. Raises Problem."""
    page_range = requested_page.parse(unrestricted_key(secret))
    with start_span("pull trace"):
        async with pool.acquire() as connection:
            reading = await read_page(connection, pathway, clock(), page_range)
    if isinstance(reading, UUID):
        return redirect_to_pathway(reading, "/trace", requested_page)
    key = TraceKey(secret, OPERATOR, str(pathway), reading.version)
    next_cursor = None if reading.next is None else encode_cursor(unrestricted_key(secret), reading.next)
    return trace_response(journey_trace(reading.assembled, key), next_cursor, pathway, requested_page, {})


async def _pull(
    connection: asyncpg.Connection,
    key: ReaderKey,
    pathway: UUID,
    if_none_match: str | None,
    now: datetime,
    requested_page: RequestedPage,
    page_range: PageRange,
    cache: BodyCache,
) -> Response:
    if page_range.is_default and (if_none_match is not None or cache.has_body(pathway)):
        response = await _answer_by_revisions(connection, pathway, if_none_match, now, cache)
        if response is not None:
            return response
    members, stored = await pathway_repository.load_pathway(connection, pathway, MAX_STEPS)
    is_long = len(stored.rows) > MAX_STEPS
    if (
        not page_range.is_default
        or is_long
        or not is_current(members)
        or members.has_amendments
        or stored.has_amended_elsewhere
    ):
        reading = await read_page(connection, pathway, now, page_range)
        return (
            redirect_to_pathway(reading, "", requested_page)
            if isinstance(reading, UUID)
            else _build_response(reading, key, if_none_match, requested_page)
        )
    statuses = await load_stored_statuses(connection, stored, now) if names_handoff(stored) else []
    handoffs = orjson.dumps(render_handoffs(statuses))
    version = compute_version(members, handoffs)
    body = write_pathway(members, version, stored, handoffs)
    cache.put(members, version, lifespan_of(statuses, now), body)
    return pathway_response(members.pathway, version, lambda: body, _HEADERS, if_none_match)


async def _answer_by_revisions(
    connection: asyncpg.Connection, pathway: UUID, if_none_match: str | None, now: datetime, cache: BodyCache
) -> Response | None:
    """What the refs and their revisions say is to be answered; None where the steps have to be read."""
    members = await pathway_repository.load_members(connection, pathway)
    if not is_current(members):
        return None
    version, body = None if members.names_handoff else compute_version(members), None
    served = cache.find(members, now)
    if served is not None and not await organisation_repository.cached_registered(
        connection, served.lifespan.unregistered_orgs
    ):
        version, body = served.version, served.body
    if version is None or (body is None and not matches_etag(if_none_match, f'"{version}"')):
        return None
    return pathway_response(members.pathway, version, lambda: body or b"", _HEADERS, if_none_match)


async def _pull_long(
    connection: asyncpg.Connection,
    key: ReaderKey,
    members: pathway_repository.PathwayMembers,
    page_range: PageRange,
    requested_page: RequestedPage,
    if_none_match: str | None,
    now: datetime,
    as_of: datetime | None,
) -> Response:
    return _build_response(
        await read_long_pathway(connection, members, page_range, now, as_of), key, if_none_match, requested_page, as_of
    )


def _build_response(
    reading: PathwayReading,
    key: ReaderKey,
    if_none_match: str | None,
    requested_page: RequestedPage,
    as_of: datetime | None = None,
) -> Response:
    """A page, or the whole."""
    handoffs = reading.serve_handoffs()
    # The version is of all steps; what is told of hand-offs on a page changes besides, and so does where it begins.
    etag = reading.version
    if reading.next is not None or not requested_page.is_default:
        identity = orjson.dumps((reading.version, handoffs, requested_page.query_parameters()))
        etag = hashlib.blake2b(identity, digest_size=12).hexdigest()
    next_cursor = None if reading.next is None else encode_cursor(key, reading.next)

    def build_body() -> bytes:
        return orjson.dumps(serialize_pathway(reading.as_served(handoffs, next_cursor), reading.version))

    return pathway_response(
        reading.members.pathway, etag, build_body, _HEADERS, if_none_match, next_cursor, requested_page, as_of
    )
