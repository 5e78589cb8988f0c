"""Refs: a person as one organisation knows her."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import asyncpg

Key = tuple[str, str]
"""Organisation and subject."""

_ADD = """
insert into subject_ref (org, subject, stepped)
select * from unnest($1::text[], $2::text[], $3::boolean[]) as r(org, subject, stepped)
order by org collate "C", subject collate "C"
on conflict do nothing
returning id, org, subject
"""
# One row of two arrays in the order asked for, null where there is no ref: a tenth of the cost of a row a ref.
_FIND = """
select array_agg(s.id order by r.n) as ids, array_agg(s.stepped order by r.n) as stepped
from unnest($1::text[], $2::text[]) with ordinality as r(org, subject, n)
left join subject_ref s using (org, subject)
"""
_STEPPED = "update subject_ref set stepped = true where id = any($1::bigint[]) and not stepped"


class Numbered(NamedTuple):
    """The number of each ref; how many were made, and how many got their first step, just now."""

    numbers: dict[Key, int]
    made: int
    began: int


async def number(connection: asyncpg.Connection, stepped: Mapping[Key, bool]) -> Numbered:
    """The number of each ref, new ones made; `stepped` says under which of them a step stands.

    All in one statement, sorted: two writers that make the same refs in another order would deadlock.
    """
    numbers, late = await _find(connection, stepped)
    made = await _add(connection, {key: step for key, step in stepped.items() if key not in numbers})
    numbers |= made
    if len(numbers) < len(stepped):  # another writer made them, and has committed
        others, also_late = await _find(connection, {k: step for k, step in stepped.items() if k not in numbers})
        numbers, late = numbers | others, late + also_late
    began = sum(stepped[key] for key in made)
    if late:
        changed = await connection.execute(_STEPPED, sorted(late))
        began += int(changed.split()[-1])
    return Numbered(numbers, len(made), began)


async def _find(connection: asyncpg.Connection, stepped: Mapping[Key, bool]) -> tuple[dict[Key, int], list[int]]:
    """The numbers of those that there are; and those of them that now get their first step."""
    row = await connection.fetchrow(_FIND, [k[0] for k in stepped], [k[1] for k in stepped])
    found = list(zip(stepped.items(), row["ids"] or (), row["stepped"] or (), strict=True))
    numbers = {key: id for (key, _), id, _ in found if id is not None}
    return numbers, [id for (_, now), id, before in found if now and before is False]


async def _add(connection: asyncpg.Connection, stepped: Mapping[Key, bool]) -> dict[Key, int]:
    if not stepped:
        return {}
    columns = [k[0] for k in stepped], [k[1] for k in stepped], list(stepped.values())
    return {(row["org"], row["subject"]): row["id"] for row in await connection.fetch(_ADD, *columns)}


async def find(connection: asyncpg.Connection, org: str, subject: str) -> int | None:
    """The number of this ref, if anything was ever published under it."""
    number: int | None = await connection.fetchval(
        "select id from subject_ref where org = $1 and subject = $2", org, subject
    )
    return number
