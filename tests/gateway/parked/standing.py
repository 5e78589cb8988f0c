"""Everything that a gateway would serve from a database, so that two can be compared; and what adds up in one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.identity.membership_writer import MembershipWriter
from pathline_gateway.pull.pathway_reader import PathwayReading, read_pathway
from pathline_gateway.pull.serialization import serve_step
from pathline_gateway.status import repository as status_repository


async def served(pool: asyncpg.Pool) -> tuple[dict[str, int], list[Any]]:
    """Totals, and every pathway by what is on it: ids of pathways are random and may differ."""
    membership = MembershipWriter(pool)
    while await membership.bind_batch():
        pass
    while await project_next_batch(pool):
        pass
    async with pool.acquire() as connection:
        totals = await status_repository.load_totals(connection)
        ids = await connection.fetch(
            "select distinct coalesce(m.pathway, s.anchor_id) as id from subject_ref s"
            " left join membership m on m.ref = s.id and m.valid_until is null"
        )
        return totals, sorted([await _pathway(connection, row["id"]) for row in ids], key=repr)


async def _pathway(connection: asyncpg.Connection, id: UUID) -> Any:
    found = await read_pathway(connection, id, datetime.now(UTC))
    assert isinstance(found, PathwayReading)
    steps = [
        {name: bytes(v) if name in ("data", "attributes") else v for name, v in _step(s)} for s in found.assembled.steps
    ]
    return list(found.members.refs), steps


def _step(step: Any) -> list[tuple[str, Any]]:
    said = orjson.loads(serve_step(step)) | {"data": step.data, "attributes": step.extra}
    return list(said.items())


async def kept(connection: asyncpg.Connection) -> dict[str, int]:
    """How many rows there are of each kind, and what the totals say is parked."""
    row = await connection.fetchrow(
        "select (select count(*) from interaction) as accepted, (select count(*) from evidence) as evidence,"
        " (select count(*) from event_identity) as identities,"
        " (select count(*) from parked where state = 'parked') as parked,"
        " (select count(*) from parked where state = 'discarded') as discarded,"
        " (select value from row_counters where name = 'parked') as told"
    )
    return dict(row)
