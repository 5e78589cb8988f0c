"""SQL by which intake stores accepted events: their identities, interactions and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

Identity = tuple[int, str]
"""Source number and event id."""


IdentityRow = tuple[int, str, bytes, int | None, datetime]
"""What `event_identity` keeps of an accepted event: number of the source, id, digest, ref, time."""


class InteractionRow(NamedTuple):
    """A row of `interaction`, with its columns' names."""

    batch: int
    ref: int
    time: datetime
    source: int
    type: int
    id: str
    sequence: str | None
    handoff: str | None
    kind: int
    is_access_deciding: bool
    payload: bytes


class EvidenceRow(NamedTuple):
    """A row of `evidence`, in the order of its columns."""

    source: int
    id: str
    type: int
    subject: str
    time: datetime
    recordedtime: datetime | None
    sequence: str | None
    trace_id: bytes | None
    span_id: bytes | None
    payload: bytes


# What was known already is few: answering that instead of what is new saves a row an event.
_CLAIM = """
with claimed as (
    insert into event_identity (source, id, digest, ref, time)
    select * from unnest($1::int[], $2::text[], $3::bytea[], $4::bigint[], $5::timestamptz[])
    on conflict do nothing
    returning source, id
)
select source, id from unnest($1::int[], $2::text[]) as k(source, id)
where not exists (select from claimed c where c.source = k.source and c.id = k.id)
"""
_DIGESTS = """
select source, id, digest from event_identity
where (source, id) in (select * from unnest($1::int[], $2::text[]))
"""
_INSERT_EVIDENCE = """
insert into evidence (batch, source, id, type, subject, time, recordedtime, sequence, trace_id, span_id, payload)
select $1, * from unnest($2::int[], $3::text[], $4::smallint[], $5::text[], $6::timestamptz[], $7::timestamptz[],
    $8::text[], $9::bytea[], $10::bytea[], $11::bytea[])
"""


async def claim(connection: asyncpg.Connection, rows: Sequence[IdentityRow]) -> set[Identity]:
    """The identities that were known already; the others are claimed.

    Rows must come sorted by source and id, or two writers may deadlock.
    """
    known = await connection.fetch(_CLAIM, *zip(*rows, strict=True))
    return {(row["source"], row["id"]) for row in known}


async def find_digests(connection: asyncpg.Connection, identities: Sequence[Identity]) -> dict[Identity, bytes]:
    """The digest of each of these identities that is known."""
    rows = await connection.fetch(_DIGESTS, [i[0] for i in identities], [i[1] for i in identities])
    return {(row["source"], row["id"]): row["digest"] for row in rows}


async def insert(connection: asyncpg.Connection, rows: Sequence[InteractionRow]) -> None:
    """These interactions, whose identities were claimed, are stored."""
    await connection.copy_records_to_table("interaction", records=rows, columns=InteractionRow._fields)


async def insert_evidence(connection: asyncpg.Connection, batch: int, rows: Sequence[EvidenceRow]) -> None:
    """This evidence is stored."""
    await connection.execute(_INSERT_EVIDENCE, batch, *zip(*rows, strict=True))
