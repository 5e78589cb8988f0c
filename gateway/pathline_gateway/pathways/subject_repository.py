"""Refs: a person as one organisation knows her."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import asyncpg

Key = tuple[str, str]
"""Organisation and subject."""

_INSERT_REFS = """
insert into subject_ref (org, subject, has_steps)
select * from unnest($1::text[], $2::text[], $3::boolean[]) as r(org, subject, has_steps)
order by org collate "C", subject collate "C"
on conflict do nothing
returning id, org, subject
"""
# One row of two arrays in the order asked for, null where there is no ref: a tenth of the cost of a row a ref.
_FIND_REFS = """
select array_agg(s.id order by r.n) as ids, array_agg(s.has_steps order by r.n) as has_steps
from unnest($1::text[], $2::text[]) with ordinality as r(org, subject, n)
left join subject_ref s using (org, subject)
"""
_MARK_HAS_STEPS = "update subject_ref set has_steps = true where id = any($1::bigint[]) and not has_steps returning id"
_DELETE_REFS = "delete from subject_ref where id = any($1::bigint[])"
_MARK_NO_STEPS = "update subject_ref set has_steps = false where id = any($1::bigint[])"


class RefNumbers(NamedTuple):
    """The number of each ref, and which of them were made in this transaction."""

    number_by_key: dict[Key, int]
    created: set[int]
    created_with_step: set[int]
    """Those of them under which a step stands."""
    gaining_steps: set[int]
    """Refs of before under which no step stands yet. They are marked under the change-log lock, as all that changes a
    ref: whoever holds a row and waits for that lock would deadlock with its holder."""


async def get_or_create_refs(connection: asyncpg.Connection, has_steps: Mapping[Key, bool]) -> RefNumbers:
    """The number of each ref, new ones made; `has_steps` says under which of them a step stands.

    All in one statement, sorted: two writers that make the same refs in another order would deadlock.
    """
    numbers, gaining_steps = await _find_refs(connection, has_steps)
    created = await _insert_refs(connection, {key: step for key, step in has_steps.items() if key not in numbers})
    numbers |= created
    if len(numbers) < len(has_steps):  # another writer made them, and has committed
        found_by_retry, also_gaining_steps = await _find_refs(
            connection, {k: step for k, step in has_steps.items() if k not in numbers}
        )
        numbers, gaining_steps = numbers | found_by_retry, gaining_steps + also_gaining_steps
    created_with_step = {number for key, number in created.items() if has_steps[key]}
    return RefNumbers(numbers, set(created.values()), created_with_step, set(gaining_steps))


async def revert_unneeded(
    connection: asyncpg.Connection, numbered: RefNumbers, has_steps: Mapping[Key, bool]
) -> RefNumbers:
    """As if only these had been numbered, in the same transaction: the others turned out to be known or parked."""
    needed = {numbered.number_by_key[key] for key in has_steps}
    refs_with_steps = {numbered.number_by_key[key] for key, step in has_steps.items() if step}
    if unneeded := numbered.created - needed:
        await connection.execute(_DELETE_REFS, sorted(unneeded))
    if losing_steps := numbered.created_with_step - refs_with_steps - unneeded:
        await connection.execute(_MARK_NO_STEPS, sorted(losing_steps))
    return RefNumbers(
        numbered.number_by_key,
        numbered.created & needed,
        numbered.created_with_step & refs_with_steps,
        numbered.gaining_steps & refs_with_steps,
    )


async def mark_has_steps(connection: asyncpg.Connection, numbers: Collection[int]) -> list[int]:
    """A step stands under each of these refs; those under which none stood before. Call under the change-log lock."""
    return [row["id"] for row in await connection.fetch(_MARK_HAS_STEPS, sorted(numbers))]


async def count_emptied(connection: asyncpg.Connection) -> int:
    """How often, so far, voids took the last step from under a ref."""
    return int(await connection.fetchval("select value from row_counters where name = 'emptied'"))


async def _find_refs(connection: asyncpg.Connection, has_steps: Mapping[Key, bool]) -> tuple[dict[Key, int], list[int]]:
    """The numbers of those that there are; and those of them that now get their first step."""
    row = await connection.fetchrow(_FIND_REFS, [k[0] for k in has_steps], [k[1] for k in has_steps])
    rows = list(zip(has_steps.items(), row["ids"] or (), row["has_steps"] or (), strict=True))
    numbers = {key: id for (key, _), id, _ in rows if id is not None}
    return numbers, [id for (_, gains_step), id, had_steps in rows if gains_step and had_steps is False]


async def _insert_refs(connection: asyncpg.Connection, has_steps: Mapping[Key, bool]) -> dict[Key, int]:
    if not has_steps:
        return {}
    columns = [k[0] for k in has_steps], [k[1] for k in has_steps], list(has_steps.values())
    return {(row["org"], row["subject"]): row["id"] for row in await connection.fetch(_INSERT_REFS, *columns)}


async def find_ref(connection: asyncpg.Connection, org: str, subject: str) -> int | None:
    """The number of this ref, if anything was ever published under it."""
    number: int | None = await connection.fetchval(
        "select id from subject_ref where org = $1 and subject = $2", org, subject
    )
    return number
