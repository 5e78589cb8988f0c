"""`/v1/parked`: what was refused and why, replayed or put aside. Bytes only for who asks for one record."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self

import asyncpg
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pathline import instant
from pathline_gateway.access_log.request_row import read_transaction
from pathline_gateway.auth.dependencies import Operator
from pathline_gateway.intake import parked_repository
from pathline_gateway.parked import overview_repository
from pathline_gateway.parked import schemas as parked_schemas
from pathline_gateway.parked.discard import discard
from pathline_gateway.parked.gauge import update_gauge
from pathline_gateway.parked.overview_repository import ParkedFilter
from pathline_gateway.parked.redaction import is_filter_allowed, redact, redact_groups, redact_stored, serve_result
from pathline_gateway.parked.replay import ReplayResult, ReplayRules, replay
from pathline_gateway.web.context import RegisterUnknown, RequestPool
from pathline_gateway.web.list_parameters import LIMIT_DESCRIPTION, MAX_ID, AfterId
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.patterns import CODES
from pathline_gateway.web.problem import Problem

MAX_RECORDS = 1_000
"""Records that one request lists, replays or discards."""

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
Ids = Annotated[list[Id], Field(min_length=1, max_length=MAX_RECORDS)]
Reason = Annotated[str, Field(max_length=80, pattern=CODES)]
Publisher = Annotated[str, Field(max_length=64, pattern=CODES)]
OfReason = Annotated[Reason | None, Query(description="Those parked for this reason")]
OfPublisher = Annotated[
    Publisher | None, Query(description="Those of this publisher; empty: of nobody who could be told")
]
Limit = Annotated[int, Query(ge=1, le=MAX_RECORDS, description=LIMIT_DESCRIPTION)]


class ReplayForm(BaseModel):
    """Which records to read again: some by id, or the next of one reason, of one publisher, or both."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"reason": "unknown-organisation", "org": "food-bank"}]},
    )

    ids: Ids | None = None
    """Records by id."""
    reason: Reason | None = None
    """Those that are parked for this reason."""
    org: Publisher | None = None
    """Those of this publisher; empty: of nobody who could be told."""
    after: Annotated[int, Field(ge=0, le=MAX_ID)] = 0
    """Only those after this id: the `next` of an answer before."""

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.ids is None) == (self.reason is None and self.org is None):
            raise ValueError("say which records: ids, or reason and org")
        return self


class DiscardForm(BaseModel):
    """Records to put aside, and why."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    ids: Ids
    """Records by id."""
    because: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
    """Why nobody will mend them; it is kept."""


router = APIRouter(tags=["parked"])


@router.get(
    "/v1/parked",
    summary="List parked records",
    response_model=None,
    responses=response_docs(parked_schemas.ParkedRecords, "Without their bytes"),
)
async def list_parked(
    pool: RequestPool,
    register_unknown: RegisterUnknown,
    _: Operator,
    reason: OfReason = None,
    org: OfPublisher = None,
    state: Annotated[parked_schemas.State, Query(description="What has become of them")] = "parked",
    after: AfterId = 0,
    limit: Limit = 100,
) -> dict[str, Any]:
    """In the order of their coming, without their bytes; `next` is the `after` of the next page."""
    async with read_transaction(pool) as connection:
        records = await _load_records(
            connection, ParkedFilter(reason, org, state), after, limit, register_unknown=register_unknown
        )
    return {
        "records": [_serialize(asdict(each)) for each in records],
        "next": _next_cursor([f.id for f in records], limit),
    }


@router.get(
    "/v1/parked/summary",
    summary="Count parked records by publisher and reason",
    response_model=None,
    responses=response_docs(parked_schemas.ParkedGroups, "By publisher and reason"),
)
async def summarize_parked(
    pool: RequestPool, register_unknown: RegisterUnknown, _: Operator, reason: OfReason = None, org: OfPublisher = None
) -> dict[str, Any]:
    """Counts, the oldest and the newest, and the fields that fail."""
    async with read_transaction(pool) as connection:
        groups = await _load_groups(connection, ParkedFilter(reason, org), register_unknown=register_unknown)
    return {"groups": [_serialize(asdict(group)) for group in groups]}


@router.get(
    "/v1/parked/{id}",
    summary="One parked record, as it came",
    response_model=None,
    responses=response_docs(parked_schemas.ParkedRecordContent, "With its bytes"),
)
async def get_parked(
    pool: RequestPool,
    register_unknown: RegisterUnknown,
    _: Operator,
    id: Annotated[int, Path(ge=1, le=MAX_ID, description="The record's number")],
) -> dict[str, Any]:
    """Key, headers and value in base64, and as text where they are UTF-8."""
    async with read_transaction(pool) as connection:
        record = await parked_repository.read(connection, id)
        if record is None:
            raise Problem(404, "no-such-record", "no record was parked under this id")
        record = (
            record
            if register_unknown
            else redact_stored(record, await overview_repository.find_concealing_orgs(connection))
        )
    fields = asdict(record)
    fields["bytes"] = record.whole_bytes
    del fields["value_size"]
    return _serialize(fields) | _serialize_content(record)


@router.post(
    "/v1/parked/replay",
    summary="Read parked records again, and accept those that are right now",
    response_model=None,
    responses=response_docs(parked_schemas.ReplayedRecords, "What became of each"),
)
async def replay_parked(
    pool: RequestPool, register_unknown: RegisterUnknown, by: Operator, form: ReplayForm
) -> dict[str, Any]:
    """What became of each. Of a reason or publisher at most 1,000 at once: `next` is the `after` of the next."""
    rules = ReplayRules(by, register_unknown)
    async with pool.acquire() as connection:
        concealing_orgs = await find_concealing_orgs(connection, register_unknown=register_unknown)
        ids = await _select_ids(connection, form, concealing_orgs)
        results = [await replay(connection, rules, id) for id in ids]
    await update_gauge(pool)
    return count_outcomes(results) | {
        "results": [serve_result(each, concealing_orgs) for each in results],
        "next": None if form.ids else _next_cursor(ids, MAX_RECORDS),
    }


@router.post(
    "/v1/parked/discard",
    summary="Put parked records aside",
    response_model=None,
    responses=response_docs(parked_schemas.DiscardedRecords, "What became of each"),
)
async def discard_parked(pool: RequestPool, by: Operator, form: DiscardForm) -> dict[str, Any]:
    """What became of each. Their bytes stay, and so does the reason."""
    async with pool.acquire() as connection:
        discarded_ids = await discard(connection, form.ids, by, form.because.strip())
        states = await parked_repository.find_states(connection, form.ids)
    await update_gauge(pool)
    outcomes = {id: _discard_outcome(id, discarded_ids, states) for id in form.ids}
    return {
        "discarded": len(discarded_ids),
        "results": [{"id": id, "outcome": outcome} for id, outcome in outcomes.items()],
    }


async def find_concealing_orgs(connection: asyncpg.Connection, *, register_unknown: bool) -> frozenset[str]:
    """The organisations of which no record may be told; none while auth is off."""
    return frozenset[str]() if register_unknown else await overview_repository.find_concealing_orgs(connection)


async def _load_records(
    connection: asyncpg.Connection, parked_filter: ParkedFilter, after: int, limit: int, *, register_unknown: bool
) -> list[overview_repository.ParkedListItem]:
    concealing_orgs = await find_concealing_orgs(connection, register_unknown=register_unknown)
    if not is_filter_allowed(parked_filter, concealing_orgs):
        return []
    return [
        redact(each, concealing_orgs)
        for each in await overview_repository.page(connection, parked_filter, after, limit)
    ]


async def _load_groups(
    connection: asyncpg.Connection, parked_filter: ParkedFilter, *, register_unknown: bool
) -> list[overview_repository.ParkedGroupRow]:
    concealing_orgs = await find_concealing_orgs(connection, register_unknown=register_unknown)
    group_rows = (
        await overview_repository.groups(connection, parked_filter)
        if is_filter_allowed(parked_filter, concealing_orgs)
        else []
    )
    return redact_groups(group_rows, concealing_orgs)


def count_outcomes(results: list[ReplayResult]) -> dict[str, int]:
    """How many were accepted, and how many are parked still."""
    outcomes = [each.outcome for each in results]
    return {"replayed": outcomes.count("replayed"), "still_parked": outcomes.count("still-parked")}


async def _select_ids(connection: asyncpg.Connection, form: ReplayForm, concealing_orgs: frozenset[str]) -> list[int]:
    """In the order of their coming: of two that conflict, the first wins."""
    if form.ids is not None:
        return sorted(set(form.ids))
    record_filter = ParkedFilter(form.reason, form.org)
    if not is_filter_allowed(record_filter, concealing_orgs):
        return []
    return await overview_repository.ids(connection, record_filter, form.after, MAX_ID, MAX_RECORDS)


def _next_cursor(ids: list[int], limit: int) -> int | None:
    return ids[-1] if len(ids) == limit else None


def _discard_outcome(id: int, discarded_ids: set[int], states: dict[int, str]) -> str:
    if id in discarded_ids:
        return "discarded"
    return "settled-before" if id in states else "unknown"


def _serialize(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: instant.to_text(value) if isinstance(value, datetime) else value for name, value in fields.items()}


def _serialize_content(record: parked_repository.StoredParkedRecord) -> dict[str, Any]:
    headers = [
        {"name": _serialize_bytes(_encode_header_name(name)), "value": _serialize_bytes(value)}
        for name, value in record.headers
    ]
    return {"headers": headers, "key": _serialize_bytes(record.key), "value": _serialize_bytes(record.value)}


def _encode_header_name(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _serialize_bytes(raw: bytes | None) -> dict[str, str | None] | None:
    if raw is None:
        return None
    try:
        text: str | None = raw.decode()
    except UnicodeDecodeError:
        text = None
    return {"base64": b64encode(raw).decode(), "text": text}
