"""Refs: a person as one organisation knows her."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
_STEPPED = "update subject_ref set stepped = true where id = any($1::bigint[]) and not stepped returning id"
_UNMAKE = "delete from subject_ref where id = any($1::bigint[])"
_UNSTEPPED = "update subject_ref set stepped = false where id = any($1::bigint[])"


class Numbered(NamedTuple):
    """The number of each ref; which were made, and which got their first step, in this transaction."""

    numbers: dict[Key, int]
    made: set[int]
    began: set[int]


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
    began = {number for key, number in made.items() if stepped[key]}
    if late:
        began |= set(await step(connection, late))
    return Numbered(numbers, set(made.values()), began)


async def keep_only(connection: asyncpg.Connection, numbered: Numbered, stepped: Mapping[Key, bool]) -> Numbered:
    """As if only these had been numbered, in the same transaction: the others turned out to be known or parked."""
    needed = {numbered.numbers[key] for key in stepped}
    walked = {numbered.numbers[key] for key, step in stepped.items() if step}
    if unmade := numbered.made - needed:
        await connection.execute(_UNMAKE, sorted(unmade))
    if unstepped := numbered.began - walked - unmade:
        await connection.execute(_UNSTEPPED, sorted(unstepped))
    return Numbered(numbered.numbers, numbered.made & needed, numbered.began & walked)


async def step(connection: asyncpg.Connection, numbers: Collection[int]) -> list[int]:
    """A step stands under each of these refs; those under which none stood before."""
    return [row["id"] for row in await connection.fetch(_STEPPED, sorted(numbers))]


async def emptied(connection: asyncpg.Connection) -> int:
    """How often, so far, voids took the last step from under a ref."""
    return int(await connection.fetchval("select n from tally where name = 'emptied'"))


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
