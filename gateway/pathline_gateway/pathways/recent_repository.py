"""The pathways that changed last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

_LOOKBACK_CHANGES = 2_000
"""Changes, counted from the last, in which to look."""

_RECENT = """
with latest as (
    select ref, max(seq) as seq from (select ref, seq from change_log order by seq desc limit $1) as c group by ref
), changed as (
    select s.pathway, max(l.seq) as seq
    from latest l join ref_pathway s on s.ref = l.ref
    where s.has_steps group by 1
), across as (
    select c.pathway, c.seq, array(
        select s.org from subject_ref s where s.has_steps and s.anchor_id = c.pathway
        union
        select s.org from membership m join subject_ref s on s.id = m.ref
        where s.has_steps and m.pathway = c.pathway and m.valid_until is null
        order by org) as orgs
    from changed c
)
select pathway, orgs from across order by cardinality(orgs) desc, seq desc limit $2
"""


@dataclass(frozen=True, slots=True)
class RecentPathway:
    """A pathway and the organisations that it leads through."""

    pathway: UUID
    orgs: Sequence[str]


async def recently_changed(connection: asyncpg.Connection, limit: int) -> list[RecentPathway]:
    """Those that changed last, the ones across most organisations first."""
    return [RecentPathway(r["pathway"], r["orgs"]) for r in await connection.fetch(_RECENT, _LOOKBACK_CHANGES, limit)]
