"""Records that could not be accepted, kept as they came; and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import asyncpg

_INSERT = """
insert into parked (log_epoch, topic, partition, "offset", record_timestamp, key, value, header_names, header_bytes,
    header_values, reason, field, detail, org, stored_extent, last_offset, size, value_size, sha256)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
on conflict do nothing
returning id
"""
_READ = """
select id, log_epoch, topic, partition, "offset", record_timestamp as at, key, value, header_names, header_bytes,
    header_values, reason, field, detail, org, stored_extent as kept, last_offset, size, value_size,
    encode(sha256, 'hex') as sha256, state, parked_at, last_replay_at as tried_at, resolved_at, resolved_by, resolution
from parked where id = $1
"""
_LOCK = _READ + "for update"
_UPDATE_REASON = (
    "update parked set reason = $2, field = $3, detail = $4, org = $5, last_replay_at = now() where id = $1"
)
_MARK_REPLAYED = """
update parked set state = 'replayed', resolved_at = now(), resolved_by = $2, resolution = $3 where id = $1
"""
# Locked in order first: two who discard the same records in other orders would deadlock.
_DISCARD = """
with held as (
    select id from parked where id = any($1::bigint[]) and state = 'parked' order by id for update
)
update parked p set state = 'discarded', resolved_at = now(), resolved_by = $2, resolution = $3
from held where p.id = held.id
returning p.id
"""

KeptPart = Literal["whole", "cut", "position"]
"""What is kept of a record: all, its beginning, or only where it stands."""


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A row of `parked`, in the order of its columns."""

    log_epoch: int
    topic: str
    partition: int
    offset: int
    at: datetime | None
    key: bytes | None
    value: bytes | None
    header_names: list[str]
    header_bytes: list[bytes] | None
    """The names as they came; None when they are what `header_names` says."""
    header_values: list[bytes | None]
    reason: str
    field: str | None
    detail: str
    org: str | None
    kept: KeptPart
    last_offset: int | None
    """Of the last record, where these are several that nobody could read."""
    size: int | None
    """Bytes of the whole record, where it is not kept whole."""
    value_size: int | None
    """Bytes of its whole value."""
    sha256: bytes | None
    """Of its whole value; of the batch in the log, where nobody could read it."""


@dataclass(slots=True)
class StoredParkedRecord:
    """A parked record as it came, why it was parked, and what became of it."""

    id: int
    topic: str
    partition: int
    offset: int
    log_epoch: int
    at: datetime | None
    timestamp: int
    """The record's own time in milliseconds; -1 where it had none."""
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    """A byte of a name that is no UTF-8 is a lone surrogate, as it was when the record was first read."""
    reason: str
    field: str | None
    detail: str
    org: str | None
    state: str
    parked_at: datetime
    tried_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None
    kept: KeptPart = "whole"
    last_offset: int | None = None
    size: int | None = None
    value_size: int | None = None
    sha256: str | None = None

    @property
    def whole_bytes(self) -> int | None:
        """Of its whole value; None where it has none, or nobody could read it."""
        return len(self.value) if self.kept == "whole" and self.value is not None else self.value_size


async def park(connection: asyncpg.Connection, rows: Sequence[ParkedRow]) -> int:
    """These records are parked; how many of them were not before."""
    values = [tuple(getattr(row, name) for name in ParkedRow.__slots__) for row in rows]
    return len(await connection.fetchmany(_INSERT, values))


async def read(connection: asyncpg.Connection, id: int) -> StoredParkedRecord | None:
    """The record that was parked under this number."""
    row = await connection.fetchrow(_READ, id)
    return None if row is None else _build_stored_record(row)


async def lock(connection: asyncpg.Connection, id: int) -> StoredParkedRecord | None:
    """The same, and nobody else settles it until this transaction ends."""
    row = await connection.fetchrow(_LOCK, id)
    return None if row is None else _build_stored_record(row)


async def find_states(connection: asyncpg.Connection, ids: Collection[int]) -> dict[int, str]:
    """The state of each of these that there is."""
    return dict(await connection.fetch("select id, state from parked where id = any($1::bigint[])", list(ids)))


async def update_reason(
    connection: asyncpg.Connection, id: int, reason: str, field: str | None, detail: str, org: str | None
) -> None:
    """It stays parked, for what is wrong with it today."""
    await connection.execute(_UPDATE_REASON, id, reason, field, detail, org)


async def mark_replayed(connection: asyncpg.Connection, id: int, by: str, resolution: str) -> None:
    """It is parked no longer: it was accepted."""
    await connection.execute(_MARK_REPLAYED, id, by, resolution)


async def discard(connection: asyncpg.Connection, ids: Collection[int], by: str, because: str) -> set[int]:
    """Those of these that were parked are not any more; their bytes stay."""
    return {row["id"] for row in await connection.fetch(_DISCARD, list(ids), by, because)}


def _build_stored_record(row: asyncpg.Record) -> StoredParkedRecord:
    columns = dict(row)
    names, raw, values = (columns.pop(name) for name in ("header_names", "header_bytes", "header_values"))
    if raw is not None:
        names = [name.decode("utf-8", "surrogateescape") for name in raw]
    timestamp = -1 if columns["at"] is None else round(columns["at"].timestamp() * 1000)
    return StoredParkedRecord(**columns, timestamp=timestamp, headers=list(zip(names, values, strict=True)))
