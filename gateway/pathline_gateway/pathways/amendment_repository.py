"""Voids and corrections, and which refs they concern once their targets are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

Identity = tuple[int, str]
"""Source number and event id."""


@dataclass(frozen=True, slots=True)
class AmendmentRow:
    """A row of `amendment` as it arrives, in the order of its columns."""

    source: int
    id: str
    kind: str
    target_source: int
    target_id: str


@dataclass(frozen=True, slots=True)
class ResolvedTargets:
    """What changed when amendments found their targets."""

    refs: frozenset[int]
    targets: frozenset[Identity]
    """What was voided or corrected."""
    voided_count: int
    """Interactions that count no longer."""
    emptied_count: int
    """Refs under which no step is left."""


_INSERT = "insert into amendment (source, id, kind, target_source, target_id) values ($1, $2, $3, $4, $5)"
_ANY_UNRESOLVED = "select exists (select from amendment where target_ref is null)"
_RESOLVE_TARGETS = """
update amendment a set target_ref = e.ref
from event_identity e
where a.target_ref is null and e.ref is not null and e.source = a.target_source and e.id = a.target_id
  and ((a.source, a.id) in (select * from unnest($1::int[], $2::text[]))
       or (a.target_source, a.target_id) in (select * from unnest($3::int[], $4::text[])))
returning a.source, a.id, a.kind, a.target_source, a.target_id, a.target_ref
"""
# Voids of the same interaction that had found it before those that found it now: it was taken off the totals then.
_ALREADY_VOIDED = """
select distinct v.target_source, v.target_id
from unnest($1::int[], $2::text[]) as t(source, id)
join amendment v on v.target_source = t.source and v.target_id = t.id
where v.kind = 'voided' and v.target_ref is not null
  and not (v.source, v.id) in (select * from unnest($3::int[], $4::text[]))
"""
_MARK_EMPTY_REFS = """
update subject_ref s set has_steps = false
where s.id = any($1::bigint[]) and s.has_steps and not exists (
    select from interaction i where i.ref = s.id and not exists (
        select from amendment v where v.kind = 'voided' and v.target_source = i.source and v.target_id = i.id))
returning s.id
"""


async def insert_amendments(connection: asyncpg.Connection, rows: Sequence[AmendmentRow]) -> None:
    """These voids and corrections are stored, their targets still to be found."""
    await connection.executemany(_INSERT, [(r.source, r.id, r.kind, r.target_source, r.target_id) for r in rows])


async def resolve_targets(
    connection: asyncpg.Connection, arrived: Sequence[Identity], targets: Sequence[Identity]
) -> ResolvedTargets:
    """Amendments that came in this batch, or whose targets did, know the refs they concern.

    Call under the change-log lock: whoever stored the other half has then committed it.
    """
    if not await connection.fetchval(_ANY_UNRESOLVED):
        return ResolvedTargets(frozenset(), frozenset(), 0, 0)
    rows = await connection.fetch(
        _RESOLVE_TARGETS,
        [i[0] for i in arrived],
        [i[1] for i in arrived],
        [i[0] for i in targets],
        [i[1] for i in targets],
    )
    voided = {(r["target_source"], r["target_id"]): r["target_ref"] for r in rows if r["kind"] == "voided"}
    resolved_ids = [(r["source"], r["id"]) for r in rows]
    already_voided = await _already_voided(connection, list(voided), resolved_ids) if voided else set()
    emptied_refs = await connection.fetch(_MARK_EMPTY_REFS, sorted(set(voided.values()))) if voided else []
    return ResolvedTargets(
        frozenset(r["target_ref"] for r in rows),
        frozenset((r["target_source"], r["target_id"]) for r in rows),
        len(voided.keys() - already_voided),
        len(emptied_refs),
    )


async def _already_voided(
    connection: asyncpg.Connection, targets: Sequence[Identity], resolved_ids: Sequence[Identity]
) -> set[Identity]:
    columns = (
        [i[0] for i in targets],
        [i[1] for i in targets],
        [i[0] for i in resolved_ids],
        [i[1] for i in resolved_ids],
    )
    return {(r["target_source"], r["target_id"]) for r in await connection.fetch(_ALREADY_VOIDED, *columns)}
