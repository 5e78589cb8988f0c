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
    names_handoff,
    render_handoffs,
)
from pathline_gateway.pathways import as_of_repository, part_repository
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.assembly import assemble
from pathline_gateway.pathways.errors import pathway_not_found
from pathline_gateway.pull.json_writer import write_pathway
from pathline_gateway.pull.paging import (
    MAX_STEPS,
    REQUESTED_FIRST_PAGE,
    PageAsked,
    RequestedPage,
    encode_cursor,
    next_link,
)
from pathline_gateway.pull.pathway_reader import (
    PathwayReading,
    is_current,
    load_statuses,
    load_stored_statuses,
    read_long_pathway,
    read_page,
)
from pathline_gateway.pull.serialization import NO_HANDOFFS, compute_version, serve_pathway
from pathline_gateway.telemetry.instruments import PULL_DURATION, start_span
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.uncomputable import uncomputable_as_problem

OPERATOR = "operator"
"""The reader when auth is off."""


CACHE_CONTROL = "private, no-cache"


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
) -> Response:
    """The answer to a pull. Raises Problem."""
    started_at, key = time.perf_counter(), unrestricted_key(secret)
    page_range = requested_page.parse(key)
    async with pool.acquire() as connection:
        with uncomputable_as_problem():
            response = await _pull(connection, key, pathway, if_none_match, clock(), requested_page, page_range)
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


def redirect_to_pathway(
    to: UUID, suffix: str = "", requested_page: RequestedPage = REQUESTED_FIRST_PAGE, as_of: datetime | None = None
) -> Response:
    """Look there."""
    query_parameters = ({} if as_of is None else {"as_of": as_of.isoformat()}) | requested_page.query_parameters()
    query = f"?{urlencode(query_parameters)}" if query_parameters else ""
    return Response(status_code=308, headers={"location": f"/v1/pathways/{to}{suffix}{query}"})


async def _pull(
    connection: asyncpg.Connection,
    key: ReaderKey,
    pathway: UUID,
    if_none_match: str | None,
    now: datetime,
    requested_page: RequestedPage,
    page_range: PageAsked,
) -> Response:
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
    handoffs = NO_HANDOFFS
    if names_handoff(stored):
        handoffs = orjson.dumps(render_handoffs(await load_stored_statuses(connection, stored, now)))
    version = compute_version(members, stored, (), handoffs)
    headers = {"etag": _quote_etag(version), "cache-control": CACHE_CONTROL}
    if _matches_etag(if_none_match, headers["etag"]):
        return Response(status_code=304, headers=headers)
    return Response(write_pathway(members, version, stored, handoffs), 200, headers, "application/json")


async def _pull_long(
    connection: asyncpg.Connection,
    key: ReaderKey,
    members: pathway_repository.PathwayMembers,
    page_range: PageAsked,
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
    headers = {"etag": _quote_etag(etag), "cache-control": CACHE_CONTROL}
    next_cursor = None if reading.next is None else encode_cursor(key, reading.next)
    if next_cursor is not None:
        headers["link"] = next_link(f"/v1/pathways/{reading.members.pathway}", next_cursor, requested_page.limit, as_of)
    if _matches_etag(if_none_match, headers["etag"]):
        return Response(status_code=304, headers=headers)
    body = serve_pathway(reading.members, reading.version, reading.assembled, handoffs)
    if next_cursor is not None:
        body["next"] = next_cursor
    return Response(orjson.dumps(body), 200, headers, "application/json")


def trace_response(
    otlp: dict[str, object],
    next_cursor: str | None,
    pathway: UUID,
    requested_page: RequestedPage,
    headers: Mapping[str, str],
) -> Response:
    """A trace, or that of a page."""
    response_headers = dict(headers)
    if next_cursor is not None:
        otlp["next"] = next_cursor
        response_headers["link"] = next_link(f"/v1/pathways/{pathway}/trace", next_cursor, requested_page.limit)
    return Response(orjson.dumps(otlp), 200, response_headers, "application/json")


def _matches_etag(if_none_match: str | None, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    return bool(tags & {etag, "*"})


def _quote_etag(version: str) -> str:
    return f'"{version}"'
