"""What decides who sees what of a pathway: its refs, concealment, lawful bases."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.off_loop import run_off_loop

_REF_BY_ANCHOR = """
select s.org, s.subject, s.pathway
from ref_pathway s
where s.anchor_id = $1
"""
_PATHWAY_OF_REF = """
select s.ref, s.pathway
from ref_pathway s
where s.org = $1 and s.subject = $2
"""
_SELECT_REFS = "select id, org, subject, anchor_id, received_at from subject_ref where id = any($1::bigint[])"
_RECEIVED_AT = """
select src.source, i.id, i.received_at from interaction i join source src on src.id = i.source
where i.ref = any($1::bigint[])
"""


async def find_ref_by_anchor(connection: asyncpg.Connection, anchor_id: UUID) -> tuple[tuple[str, str], UUID] | None:
    """Organisation and subject of the ref with this anchor id, and the pathway that it is on."""
    row = await connection.fetchrow(_REF_BY_ANCHOR, anchor_id)
    return None if row is None else ((row["org"], row["subject"]), row["pathway"])


async def find_ref(connection: asyncpg.Connection, org: str, subject: str) -> tuple[int, UUID] | None:
    """The number of this ref, and the pathway that it is on; None when nothing was ever published under it."""
    row = await connection.fetchrow(_PATHWAY_OF_REF, org, subject)
    return None if row is None else (row["ref"], row["pathway"])


async def load_refs(connection: asyncpg.Connection, numbers: Collection[int]) -> list[StoredRef]:
    """Loads refs by their numbers, with what tells the oldest."""
    return [StoredRef(*row.values()) for row in await connection.fetch(_SELECT_REFS, list(numbers))]


async def load_received_at(connection: asyncpg.Connection, numbers: Collection[int]) -> dict[tuple[str, str], datetime]:
    """When each step (source, id) under these refs came."""
    rows = await connection.fetch(_RECEIVED_AT, list(numbers))
    return await run_off_loop(len(rows), lambda: {(row["source"], row["id"]): row["received_at"] for row in rows})
