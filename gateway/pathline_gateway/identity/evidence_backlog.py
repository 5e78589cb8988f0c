"""Evidence of who is who that is stored and not bound yet: which pathways it concerns, and where it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

_LAST_SEQS = """
select p.link_evidence_seq, p.handoff_input_seq,
    (select coalesce(max(seq), 0) from link_evidence) as last_seq,
    (select coalesce(max(seq), 0) from handoff_input) as last_handoff_seq
from membership_progress p
"""
# Link evidence is found from the pathways, however much of it there is: one flood must not cost everybody's events.
_PATHWAYS_WITH_UNBOUND_LINKS = """
with event as materialized (
    select * from unnest($1::uuid[], $2::integer[], $3::text[]) as e(pathway, source, id)
), page as materialized (
    select distinct pathway from event
), mate as materialized (
    select g.pathway, s.id as ref from page g join subject_ref s on s.anchor_id = g.pathway
    union
    select g.pathway, m.ref from page g join membership m on m.pathway = g.pathway and m.valid_until is null
)
select distinct t.pathway from mate t where exists (select from unseen_evidence_ref u where u.ref = t.ref)
"""
# So are tokens that were shown, where many wait. Where few do, the pathways are found from them.
_AND_MANY_TOKENS = """
union
select t.pathway from mate t where first_unseen_handoff_input(t.ref) is not null
"""
_AND_FEW_TOKENS = """
union
select e.pathway from unseen_handoff_input k join event e on e.source = k.source and e.id = k.id
union
select t.pathway from (select distinct handoff from unseen_handoff_input) k
cross join lateral (select i.ref from interaction i where i.handoff = k.handoff offset 0) i
join mate t on t.ref = i.ref
"""
_FEW_TOKENS = 1_000


class EvidenceEnds(NamedTuple):
    """The last evidence of both kinds that is stored: of links, and of hand-offs whose token was shown."""

    evidence_seq: int
    handoff_seq: int


async def pathways_with_unbound_evidence(
    connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]
) -> tuple[set[UUID], EvidenceEnds] | None:
    """The pathways of these events that evidence concerns which is not bound yet, and where that ends.

    `rows`: with pathway, source_number and id. None where all evidence is bound.
    """
    bound_seq, bound_handoff_seq, last_seq, last_handoff_seq = await connection.fetchrow(_LAST_SEQS)
    if last_seq <= bound_seq and last_handoff_seq <= bound_handoff_seq:
        return None
    events = [(row["pathway"], row["source_number"], row["id"]) for row in rows]
    columns = map(list, zip(*events, strict=True)) if events else ([], [], [])
    tokens = _AND_FEW_TOKENS if last_handoff_seq - bound_handoff_seq <= _FEW_TOKENS else _AND_MANY_TOKENS
    pathway_rows = await connection.fetch(_PATHWAYS_WITH_UNBOUND_LINKS + tokens, *columns)
    return {row["pathway"] for row in pathway_rows}, EvidenceEnds(last_seq, last_handoff_seq)
