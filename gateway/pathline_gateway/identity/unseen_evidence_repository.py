"""Which evidence of who is who the membership writer sees next: organisations take turns, and groups come whole."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import asyncpg

from pathline_gateway.identity import membership_repository

_LOOKAHEAD: Final = 100_000
"""Evidence among which organisations take turns, the oldest: to look at more takes longer than to bind some."""

# The first of each organisation before the second of any.
_NEXT_SEQS = """
with pending as (
    select l.seq, l.source from link_evidence l
    where l.seq > (select link_evidence_seq from membership_progress)
        and not exists (select from link_evidence_seen_ahead a where a.seq = l.seq)
    order by l.seq limit $2
), in_turn as (
    select p.seq, row_number() over (partition by s.org order by p.seq) as nth
    from pending p join source s on s.id = p.source
)
select seq from in_turn order by nth, seq limit $1
"""
# Of each, the groups of refs that links connect which it is about, and how large these are.
_COMPONENTS_OF_EVIDENCE = """
with about as (
    select distinct l.seq, c.component
    from link_evidence l
    left join link_evidence t on l.kind = 'retracted' and t.source = l.target_source and t.id = l.target_id
    cross join lateral (values (l.ref_a), (l.ref_b), (t.ref_a), (t.ref_b)) as r(ref)
    join link_component c on c.ref = r.ref
    where l.seq = any($1::bigint[])
)
select a.seq, a.component, s.refs
from about a
join (
    select component, count(*) as refs from link_component
    where component in (select component from about) group by component
) s using (component)
"""
# Links between refs of a group are looked at whenever one of them is: they are bound with it.
_UNSEEN_LINKS_AMONG = """
select l.seq from link_evidence l
where l.ref_a = any($1::bigint[]) and l.kind = 'same' and l.rank <> 5
    and l.seq > (select link_evidence_seq from membership_progress)
    and not exists (select from link_evidence_seen_ahead a where a.seq = l.seq)
"""
_MARK_SEEN_AHEAD = "insert into link_evidence_seen_ahead select unnest($1::bigint[]) on conflict do nothing"
_ADVANCE = """
update membership_progress p set link_evidence_seq = coalesce(
    (select l.seq - 1 from link_evidence l
     where l.seq > p.link_evidence_seq and not exists (select from link_evidence_seen_ahead a where a.seq = l.seq)
     order by l.seq limit 1),
    (select max(l.seq) from link_evidence l), p.link_evidence_seq)
"""
_DELETE_SEEN_AHEAD = (
    "delete from link_evidence_seen_ahead where seq <= (select link_evidence_seq from membership_progress)"
)


async def take_batch(connection: asyncpg.Connection, max_evidence: int, max_refs: int) -> list[asyncpg.Record]:
    """Evidence that was not seen and is seen from now on, as `links.these` has it.

    `max_evidence`: so much of it is chosen, the first of each organisation before the second of any. With it comes
    all that
    links the same refs: so each group is bound once, however many links of it wait. `max_refs`: no more is chosen once
    the groups that it is about have so many refs.
    """
    chosen_seqs = [row["seq"] for row in await connection.fetch(_NEXT_SEQS, max_evidence, _LOOKAHEAD)]
    if not chosen_seqs:
        return []
    chosen_seqs = await _limit_to_refs(connection, chosen_seqs, max_refs)
    refs = {
        row[name]
        for row in await membership_repository.load_evidence(connection, chosen_seqs)
        for name in membership_repository.REF_COLUMNS
    } - {None}
    connected_refs = await membership_repository.connected_refs(connection, refs)
    seqs = {*chosen_seqs, *(row["seq"] for row in await connection.fetch(_UNSEEN_LINKS_AMONG, connected_refs))}
    await connection.execute(_MARK_SEEN_AHEAD, sorted(seqs))
    await connection.execute(_ADVANCE)
    await connection.execute(_DELETE_SEEN_AHEAD)
    return await membership_repository.load_evidence(connection, seqs)


async def _limit_to_refs(connection: asyncpg.Connection, seqs: Collection[int], max_refs: int) -> list[int]:
    """The first of these, whose groups together have so many refs; one at least."""
    groups: dict[int, dict[int, int]] = {}
    for row in await connection.fetch(_COMPONENTS_OF_EVIDENCE, list(seqs)):
        groups.setdefault(row["seq"], {})[row["component"]] = row["refs"]
    component_sizes: dict[int, int] = {}
    selected: list[int] = []
    for seq in seqs:
        component_sizes |= groups.get(seq, {})
        if selected and sum(component_sizes.values()) > max_refs:
            break
        selected.append(seq)
    return selected
