"""What is parked, without its bytes: by publisher and reason, and one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from pathline_gateway.intake.parked_repository import KeptPart

_MATCHES_FILTER = "state = $1 and ($2::text is null or reason = $2) and ($3::text is null or coalesce(org, '') = $3)"
_PAGE = f"""
select id, org, reason, field, detail, topic, partition, "offset", record_timestamp as at, parked_at,
    last_replay_at as tried_at, state, resolved_at, resolved_by, resolution, stored_extent as kept, last_offset, size,
    encode(sha256, 'hex') as sha256, coalesce(value_size, octet_length(value)) as bytes
from parked where {_MATCHES_FILTER} and id > $4 order by id limit $5
"""  # noqa: S608 - a constant of this module
_IDS = f"select id from parked where {_MATCHES_FILTER} and id > $4 and id <= $5 order by id limit $6"  # noqa: S608
_NEWEST = "select coalesce(max(id), 0) from parked where state = 'parked'"
_GROUPS = f"""
select org, reason, count(*) as n, min(parked_at) as oldest, max(parked_at) as newest, max(id) as last,
    array_agg(distinct field order by field) filter (where field is not null) as fields
from parked where {_MATCHES_FILTER} group by org, reason order by n desc, org collate "C" nulls first, reason
"""  # noqa: S608
_COUNTS = """
select case when o.org is null then 'unknown' else p.org end as org, p.reason, sum(p.n)::bigint as n
from (select org, reason, count(*) as n from parked where state = 'parked' group by org, reason) as p
left join organisation o on o.org = p.org and not o.conceals
group by 1, 2
"""


@dataclass(frozen=True, slots=True)
class ParkedFilter:
    """Which records: those of one reason, of one publisher (empty: of nobody who could be told), in one state."""

    reason: str | None = None
    org: str | None = None
    state: str = "parked"


@dataclass(frozen=True, slots=True)
class ParkedListItem:
    """A record without its bytes."""

    id: int
    org: str | None
    reason: str
    field: str | None
    detail: str
    topic: str
    partition: int
    offset: int
    at: datetime | None
    parked_at: datetime
    tried_at: datetime | None
    state: str
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None
    kept: KeptPart
    last_offset: int | None
    size: int | None
    sha256: str | None
    bytes: int | None
    """Of its value, all of it."""


@dataclass(frozen=True, slots=True)
class ParkedGroupRow:
    """What one publisher has parked for one reason."""

    org: str | None
    reason: str
    n: int
    oldest: datetime
    newest: datetime
    last: int
    """The highest id."""
    fields: Sequence[str] | None


async def find_concealing_orgs(connection: asyncpg.Connection) -> frozenset[str]:
    """Organisations whose records are shown to nobody else."""
    return frozenset(row["org"] for row in await connection.fetch("select org from organisation where conceals"))


async def page(
    connection: asyncpg.Connection, parked_filter: ParkedFilter, after: int, limit: int
) -> list[ParkedListItem]:
    """The next of these after this id, in the order of their coming."""
    rows = await connection.fetch(_PAGE, parked_filter.state, parked_filter.reason, parked_filter.org, after, limit)
    return [ParkedListItem(**row) for row in rows]


async def ids(
    connection: asyncpg.Connection, parked_filter: ParkedFilter, after: int, up_to: int, limit: int
) -> list[int]:
    """The next ids of these, after one and up to another."""
    rows = await connection.fetch(
        _IDS, parked_filter.state, parked_filter.reason, parked_filter.org, after, up_to, limit
    )
    return [row["id"] for row in rows]


async def newest_id(connection: asyncpg.Connection) -> int:
    """The highest id of what is parked now; 0 when nothing is."""
    return int(await connection.fetchval(_NEWEST))


async def groups(connection: asyncpg.Connection, parked_filter: ParkedFilter) -> list[ParkedGroupRow]:
    """Counts by publisher and reason, the largest first."""
    rows = await connection.fetch(_GROUPS, parked_filter.state, parked_filter.reason, parked_filter.org)
    return [ParkedGroupRow(**row) for row in rows]


async def counts(connection: asyncpg.Connection) -> dict[tuple[str, str], int]:
    """How many are parked now by organisation and reason; whoever is not on the register is `unknown`."""
    return {(row["org"], row["reason"]): row["n"] for row in await connection.fetch(_COUNTS)}
