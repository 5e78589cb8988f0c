"""`/v1/parked`: what was refused and why, taken in again or put aside. Bytes only for who asks for one record."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self

import asyncpg
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pathline import instant
from pathline_gateway.access_log.request_row import reading
from pathline_gateway.auth.dependencies import Operator
from pathline_gateway.intake import parked_repository
from pathline_gateway.parked import overview_repository
from pathline_gateway.parked import schemas as parked_schemas
from pathline_gateway.parked.discard import discard
from pathline_gateway.parked.gauge import look
from pathline_gateway.parked.overview_repository import ParkedFilter
from pathline_gateway.parked.redaction import may_be_asked_for, shown, shown_groups, shown_whole
from pathline_gateway.parked.replay import ReplayResult, ReplayRules, replay
from pathline_gateway.web.openapi_responses import AFTER, LIMIT, answers
from pathline_gateway.web.patterns import CODES
from pathline_gateway.web.problem import Problem

MOST = 1_000
"""Records that one request lists, replays or discards."""

_BIGGEST = 2**63 - 1
Id = Annotated[int, Field(ge=1, le=_BIGGEST)]
Ids = Annotated[list[Id], Field(min_length=1, max_length=MOST)]
Reason = Annotated[str, Field(max_length=80, pattern=CODES)]
Publisher = Annotated[str, Field(max_length=64, pattern=CODES)]
OfReason = Annotated[Reason | None, Query(description="Those parked for this reason")]
OfPublisher = Annotated[
    Publisher | None, Query(description="Those of this publisher; empty: of nobody who could be told")
]
Limit = Annotated[int, Query(ge=1, le=MOST, description=LIMIT)]
After = Annotated[int, Query(ge=0, le=_BIGGEST, description=AFTER)]


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
    after: Annotated[int, Field(ge=0, le=_BIGGEST)] = 0
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


def routes(pool: asyncpg.Pool, register_unknown: bool) -> APIRouter:
    """`GET /v1/parked`, `/v1/parked/summary`, `/v1/parked/{id}`, `POST /v1/parked/replay` and `/discard`."""
    router = APIRouter(tags=["parked"])

    async def _page(
        connection: asyncpg.Connection, wanted: ParkedFilter, after: int, limit: int
    ) -> list[overview_repository.ParkedListItem]:
        hidden = frozenset[str]() if register_unknown else await overview_repository.concealing(connection)
        if not may_be_asked_for(wanted, hidden):
            return []
        return [shown(each, hidden) for each in await overview_repository.page(connection, wanted, after, limit)]

    async def _groups(connection: asyncpg.Connection, wanted: ParkedFilter) -> list[overview_repository.ParkedGroupRow]:
        hidden = frozenset[str]() if register_unknown else await overview_repository.concealing(connection)
        found = await overview_repository.groups(connection, wanted) if may_be_asked_for(wanted, hidden) else []
        return shown_groups(found, hidden)

    @router.get(
        "/v1/parked",
        summary="List parked records",
        response_model=None,
        responses=answers(parked_schemas.ParkedRecords, "Without their bytes"),
    )
    async def listed(
        _: Operator,
        reason: OfReason = None,
        org: OfPublisher = None,
        state: Annotated[parked_schemas.State, Query(description="What has become of them")] = "parked",
        after: After = 0,
        limit: Limit = 100,
    ) -> dict[str, Any]:
        """In the order of their coming, without their bytes; `next` is the `after` of the next page."""
        async with reading(pool) as connection:
            found = await _page(connection, ParkedFilter(reason, org, state), after, limit)
        return {"records": [_served(asdict(each)) for each in found], "next": _next([f.id for f in found], limit)}

    @router.get(
        "/v1/parked/summary",
        summary="Count parked records by publisher and reason",
        response_model=None,
        responses=answers(parked_schemas.ParkedGroups, "By publisher and reason"),
    )
    async def summary(_: Operator, reason: OfReason = None, org: OfPublisher = None) -> dict[str, Any]:
        """Counts, the oldest and the newest, and the fields that fail."""
        async with reading(pool) as connection:
            groups = await _groups(connection, ParkedFilter(reason, org))
        return {"groups": [_served(asdict(group)) for group in groups]}

    @router.get(
        "/v1/parked/{id}",
        summary="One parked record, as it came",
        response_model=None,
        responses=answers(parked_schemas.KeptRecord, "With its bytes"),
    )
    async def one(
        _: Operator, id: Annotated[int, Path(ge=1, le=_BIGGEST, description="The record's number")]
    ) -> dict[str, Any]:
        """Key, headers and value in base64, and as text where they are UTF-8."""
        async with reading(pool) as connection:
            found = await parked_repository.read(connection, id)
            if found is None:
                raise Problem(404, "no-such-record", "no record was parked under this id")
            found = found if register_unknown else shown_whole(found, await overview_repository.concealing(connection))
        said = asdict(found)
        said["bytes"] = found.whole_bytes
        del said["value_size"]
        return _served(said) | _as_it_came(found)

    @router.post(
        "/v1/parked/replay",
        summary="Read parked records again, and accept those that are right now",
        response_model=None,
        responses=answers(parked_schemas.ReplayedRecords, "What became of each"),
    )
    async def replays(by: Operator, wanted: ReplayForm) -> dict[str, Any]:
        """What became of each. Of a reason or publisher at most 1,000 at once: `next` is the `after` of the next."""
        rules = ReplayRules(by, register_unknown)
        async with pool.acquire() as connection:
            ids = await _chosen(connection, wanted)
            results = [await replay(connection, rules, id) for id in ids]
        await look(pool)
        return counted(results) | {
            "results": [asdict(each) for each in results],
            "next": None if wanted.ids else _next(ids, MOST),
        }

    @router.post(
        "/v1/parked/discard",
        summary="Put parked records aside",
        response_model=None,
        responses=answers(parked_schemas.DiscardedRecords, "What became of each"),
    )
    async def discards(by: Operator, wanted: DiscardForm) -> dict[str, Any]:
        """What became of each. Their bytes stay, and so does the reason."""
        async with pool.acquire() as connection:
            done = await discard(connection, wanted.ids, by, wanted.because.strip())
            states = await parked_repository.states(connection, wanted.ids)
        await look(pool)
        outcomes = {id: _discarded(id, done, states) for id in wanted.ids}
        return {"discarded": len(done), "results": [{"id": id, "outcome": said} for id, said in outcomes.items()]}

    return router


def counted(results: list[ReplayResult]) -> dict[str, int]:
    """How many were taken in, and how many are parked still."""
    outcomes = [each.outcome for each in results]
    return {"replayed": outcomes.count("replayed"), "still_parked": outcomes.count("still-parked")}


async def _chosen(connection: asyncpg.Connection, wanted: ReplayForm) -> list[int]:
    """In the order of their coming: of two that conflict, the first wins."""
    if wanted.ids is not None:
        return sorted(set(wanted.ids))
    return await overview_repository.ids(
        connection, ParkedFilter(wanted.reason, wanted.org), wanted.after, _BIGGEST, MOST
    )


def _next(ids: list[int], limit: int) -> int | None:
    return ids[-1] if len(ids) == limit else None


def _discarded(id: int, done: set[int], states: dict[int, str]) -> str:
    if id in done:
        return "discarded"
    return "settled-before" if id in states else "unknown"


def _served(found: dict[str, Any]) -> dict[str, Any]:
    return {name: instant.serve(value) if isinstance(value, datetime) else value for name, value in found.items()}


def _as_it_came(kept: parked_repository.StoredParkedRecord) -> dict[str, Any]:
    headers = [{"name": _bytes(_raw(name)), "value": _bytes(value)} for name, value in kept.headers]
    return {"headers": headers, "key": _bytes(kept.key), "value": _bytes(kept.value)}


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _bytes(raw: bytes | None) -> dict[str, str | None] | None:
    if raw is None:
        return None
    try:
        text: str | None = raw.decode()
    except UnicodeDecodeError:
        text = None
    return {"base64": b64encode(raw).decode(), "text": text}
