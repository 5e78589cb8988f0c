"""What is derived, built a second time beside the live tables: in a schema of its own, gone when the rebuild ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock

_PREPARE = """
drop schema if exists rebuilding cascade;
create schema rebuilding;
create unlogged table rebuilding.steps (ref bigint primary key, live bigint not null);
create unlogged table rebuilding.membership (ref bigint primary key, pathway uuid not null);
create unlogged table rebuilding.amendment (
    source integer, id text collate "C", target_ref bigint not null, primary key (source, id)
);
create index on rebuilding.amendment (target_ref);
create unlogged table rebuilding.total (name text primary key, n bigint not null);
create unlogged table rebuilding.handoff (like public.handoff including defaults);
create unlogged table rebuilding.suspect (ref bigint primary key);
"""
_POSITION = """
select (select coalesce(max(seq), 0) from change_log) as change,
    (select link_evidence_seq from membership_progress) as link
"""
_CHANGED_REFS = "select distinct ref from change_log where seq > $1 and seq <= $2"
_LINKED_REFS = """
select distinct r.ref from seen_evidence l
left join link_evidence t on l.kind = 'retracted' and t.source = l.target_source and t.id = l.target_id
cross join lateral (values (l.ref_a), (l.ref_b), (t.ref_a), (t.ref_b)) as r(ref)
where l.seq > $1 and r.ref is not null
"""
_INSERT_SUSPECTS = "insert into rebuilding.suspect select unnest($1::bigint[]) on conflict do nothing"
_COUNT_PATHWAYS = """
select (select count(*) from subject_ref) - (select count(*) from rebuilding.membership)
    + (select count(distinct pathway) from rebuilding.membership)
"""


@dataclass(frozen=True, slots=True)
class RebuildPosition:
    """How far something follows the live tables: the last change, and the last link evidence that was bound."""

    change_seq: int
    link_seq: int


async def try_lock(connection: asyncpg.Connection) -> bool:
    """Whether this connection is the only one that rebuilds, until it is closed."""
    return await advisory_locks.try_lock_for_session(connection, AdvisoryLock.REBUILD)


async def prepare(connection: asyncpg.Connection) -> None:
    """The tables beside the live ones are there, and empty, whatever an interrupted rebuild left."""
    async with connection.transaction():
        await connection.execute("set local client_min_messages = warning")
        await connection.execute(_PREPARE)


async def drop_schema(connection: asyncpg.Connection) -> None:
    """Drops the shadow tables."""
    await connection.execute("drop schema if exists rebuilding cascade")


async def load_position(connection: asyncpg.Connection) -> RebuildPosition:
    """Where the live tables stand, at this transaction's snapshot."""
    row = await connection.fetchrow(_POSITION)
    return RebuildPosition(row["change"], row["link"])


async def changed_refs(connection: asyncpg.Connection, since: RebuildPosition, to: RebuildPosition) -> list[int]:
    """The refs that changed in between."""
    return [row["ref"] for row in await connection.fetch(_CHANGED_REFS, since.change_seq, to.change_seq)]


async def linked_refs(connection: asyncpg.Connection, since: RebuildPosition) -> set[int]:
    """The refs that evidence bound since then is about; and maybe a few more, as evidence is not bound as it came."""
    return {row["ref"] for row in await connection.fetch(_LINKED_REFS, since.link_seq)}


async def add_suspects(connection: asyncpg.Connection, refs: Collection[int]) -> None:
    """The switch will look at these refs."""
    await connection.execute(_INSERT_SUSPECTS, list(refs))


async def count_pathways(connection: asyncpg.Connection) -> int:
    """How many there are, as rebuilt."""
    return int(await connection.fetchval(_COUNT_PATHWAYS))


# Steps: how many live interactions stand under each ref.

_BUILD_STEPS = """
insert into rebuilding.steps
select i.ref, count(*) from interaction i
where not exists (
    select from amendment v where v.kind = 'voided' and v.target_source = i.source and v.target_id = i.id)
group by i.ref
"""
_REBUILD_STEPS_OF = """
insert into rebuilding.steps
select i.ref, count(*) from interaction i
where i.ref = any($1::bigint[]) and not exists (
    select from amendment v where v.kind = 'voided' and v.target_source = i.source and v.target_id = i.id)
group by i.ref
"""
_DELETE_STEPS = "delete from rebuilding.steps where ref = any($1::bigint[])"
_SUM_STEPS = "select coalesce(sum(live), 0)::bigint as interactions, count(*) as stepped from rebuilding.steps"
_SUM_STEPS_OF = """
select coalesce(sum(live), 0)::bigint as interactions, count(*) as stepped from rebuilding.steps
where ref = any($1::bigint[])
"""
_ADD_TO_TOTALS = """
insert into rebuilding.total as t select * from unnest($1::text[], $2::bigint[]) as d(name, n)
on conflict (name) do update set n = t.n + excluded.n
"""
_STEPS_DIFFER = """
select p.pathway, p.refs from (
    select coalesce(m.pathway, s.anchor_id) as pathway, array_agg(s.id) as refs,
        md5(string_agg(s.id || ' ' || s.has_steps, ',' order by s.id)) as live,
        md5(string_agg(s.id || ' ' || (r.ref is not null), ',' order by s.id)) as rebuilt
    from subject_ref s
    left join rebuilding.steps r on r.ref = s.id
    left join rebuilding.membership m on m.ref = s.id
    group by 1) p
where p.live <> p.rebuilt
"""
_SWITCH_STEPS = """
update subject_ref s set has_steps = not s.has_steps
from rebuilding.suspect x left join rebuilding.steps r on r.ref = x.ref
where s.id = x.ref and s.has_steps <> (r.ref is not null)
"""
_INCREMENT_EMPTIED = "update row_counters set value = value + 1 where name = 'emptied'"


async def build_steps(connection: asyncpg.Connection) -> None:
    """Counted anew for every ref."""
    await connection.execute(_BUILD_STEPS)
    await _add_to_totals(connection, await connection.fetchrow(_SUM_STEPS), 1)


async def rebuild_steps(connection: asyncpg.Connection, refs: Collection[int]) -> None:
    """Counts the steps of these refs anew."""
    await _add_to_totals(connection, await connection.fetchrow(_SUM_STEPS_OF, list(refs)), -1)
    await connection.execute(_DELETE_STEPS, list(refs))
    await connection.execute(_REBUILD_STEPS_OF, list(refs))
    await _add_to_totals(connection, await connection.fetchrow(_SUM_STEPS_OF, list(refs)), 1)


async def _add_to_totals(connection: asyncpg.Connection, sums: Mapping[str, int], sign: int) -> None:
    await connection.execute(_ADD_TO_TOTALS, list(sums.keys()), [sign * n for n in sums.values()])


async def differing_steps(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Pathways whose stepped refs are other than rebuilt: pathway, refs."""
    return list(await connection.fetch(_STEPS_DIFFER))


async def switch_steps(connection: asyncpg.Connection) -> None:
    """Suspects are stepped as rebuilt. Who stores a step meanwhile under a ref that now is not will look again."""
    if await connection.execute(_SWITCH_STEPS) != "UPDATE 0":
        await connection.execute(_INCREMENT_EMPTIED)


# Amendments: the refs that voids and corrections are about.

_BUILD_AMENDMENTS = """
insert into rebuilding.amendment
select a.source, a.id, e.ref from amendment a
join event_identity e on e.source = a.target_source and e.id = a.target_id
where e.ref is not null
"""
_DELETE_AMENDMENTS = "delete from rebuilding.amendment where target_ref = any($1::bigint[])"
_AMENDMENTS_DIFFER = """
select p.pathway, p.refs from (
    select coalesce(m.pathway, s.anchor_id) as pathway, array_agg(distinct s.id) as refs,
        md5(string_agg(f.fact, ',' order by f.fact) filter (where f.live)) as live,
        md5(string_agg(f.fact, ',' order by f.fact) filter (where not f.live)) as rebuilt
    from (
        select target_ref, source || ' ' || id as fact, true as live from amendment where target_ref is not null
        union all
        select target_ref, source || ' ' || id, false from rebuilding.amendment) f
    join subject_ref s on s.id = f.target_ref
    left join rebuilding.membership m on m.ref = s.id
    group by 1) p
where p.live is distinct from p.rebuilt
"""
_REBUILD_AMENDMENTS_OF = """
insert into rebuilding.amendment
select a.source, a.id, i.ref from interaction i
join amendment a on a.target_source = i.source and a.target_id = i.id
where i.ref = any($1::bigint[])
on conflict (source, id) do update set target_ref = excluded.target_ref
"""
_SWITCH_AMENDMENTS = """
with wrong as (
    select a.source, a.id, a.target_ref as before, r.target_ref as after
    from amendment a left join rebuilding.amendment r on r.source = a.source and r.id = a.id
    where a.target_ref is distinct from r.target_ref
      and (a.target_ref in (select ref from rebuilding.suspect) or r.target_ref in (select ref from rebuilding.suspect))
), mended as (
    update amendment a set target_ref = w.after from wrong w where a.source = w.source and a.id = w.id
    returning w.before, w.after
)
select distinct r.ref from mended cross join lateral (values (before), (after)) as r(ref) where r.ref is not null
"""


async def build_amendments(connection: asyncpg.Connection) -> None:
    """Targets are found anew for all."""
    await connection.execute(_BUILD_AMENDMENTS)


async def rebuild_amendments(connection: asyncpg.Connection, refs: Collection[int]) -> None:
    """Found anew for those about these refs' interactions."""
    await connection.execute(_DELETE_AMENDMENTS, list(refs))
    await connection.execute(_REBUILD_AMENDMENTS_OF, list(refs))


async def differing_amendments(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Pathways whose amendments are other than rebuilt: pathway, refs."""
    return list(await connection.fetch(_AMENDMENTS_DIFFER))


async def switch_amendments(connection: asyncpg.Connection) -> list[int]:
    """Amendments of suspects have the targets rebuilt; the refs that they were or are about."""
    return [row["ref"] for row in await connection.fetch(_SWITCH_AMENDMENTS)]


# Membership: which refs are on which pathway.

_DELETE_MEMBERSHIP = "delete from rebuilding.membership where ref = any($1::bigint[])"
_INSERT_MEMBERSHIP = "insert into rebuilding.membership select * from unnest($1::bigint[], $2::uuid[])"
_MEMBERSHIP_DIFFERS = """
select p.pathway, p.refs from (
    select coalesce(r.pathway, m.pathway) as pathway, array_agg(coalesce(r.ref, m.ref)) as refs,
        md5(string_agg(r.ref || ' ' || r.pathway, ',' order by r.ref)) as rebuilt,
        md5(string_agg(m.ref || ' ' || m.pathway, ',' order by m.ref)) as live
    from rebuilding.membership r
    full join (select ref, pathway from membership where valid_until is null) m on m.ref = r.ref
    group by 1) p
where p.live is distinct from p.rebuilt
"""
_MOVED_SUSPECTS = """
select x.ref, r.pathway from rebuilding.suspect x
left join rebuilding.membership r on r.ref = x.ref
left join membership m on m.ref = x.ref and m.valid_until is null
where r.pathway is distinct from m.pathway
"""


async def upsert_membership(connection: asyncpg.Connection, pathway_by_ref: Mapping[int, UUID | None]) -> None:
    """These refs are on these pathways, rebuilt; None: on their own."""
    joined = {ref: pathway for ref, pathway in pathway_by_ref.items() if pathway is not None}
    await connection.execute(_DELETE_MEMBERSHIP, list(pathway_by_ref))
    await connection.execute(_INSERT_MEMBERSHIP, list(joined), list(joined.values()))


async def differing_membership(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Pathways whose refs are other than rebuilt: pathway, refs."""
    return list(await connection.fetch(_MEMBERSHIP_DIFFERS))


async def moved_suspects(connection: asyncpg.Connection) -> dict[int, UUID | None]:
    """Suspects that are on another pathway than rebuilt, and where they belong."""
    return {row["ref"]: row["pathway"] for row in await connection.fetch(_MOVED_SUSPECTS)}


# Totals: two are summed from steps, three are off by as much now as when the rebuild began.

_INSERT_DRIFT = """
insert into rebuilding.total
select t.name, c.n - t.value from row_counters t join (
    select 'subjects' as name, count(*) as n from subject_ref
    union all select 'parked', count(*) from parked where state = 'parked'
    union all select 'links', count(*) from seen_evidence where kind = 'same') c using (name)
"""
_COMPARE_TOTALS = """
select t.name, t.value as live,
    case when t.name in ('interactions', 'stepped') then r.n else t.value + r.n end as rebuilt
from row_counters t join rebuilding.total r using (name)
"""
_SWITCH_TOTALS = """
update row_counters t set value = case when t.name in ('interactions', 'stepped') then r.n else t.value + r.n end
from rebuilding.total r where r.name = t.name
"""


async def measure_drift(connection: asyncpg.Connection) -> None:
    """By how much the totals of subjects, parked records and links are off: right code keeps that as it is."""
    await connection.execute(_INSERT_DRIFT)


async def load_totals(connection: asyncpg.Connection) -> list[tuple[int, int]]:
    """Each total, live and rebuilt."""
    return [(row["live"], row["rebuilt"]) for row in await connection.fetch(_COMPARE_TOTALS)]


async def switch_totals(connection: asyncpg.Connection) -> None:
    """Replaces the live totals by those that were rebuilt."""
    await connection.execute(_SWITCH_TOTALS)
