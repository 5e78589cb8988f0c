"""Refs: a person as one organisation knows her."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import asyncpg

Key = tuple[str, str]
"""Organisation and subject."""

_ADD = """
insert into subject_ref (org, subject, stepped)
select org, subject, $3 from unnest($1::text[], $2::text[]) as r(org, subject)
order by org collate "C", subject collate "C"
on conflict do nothing
returning id, org, subject
"""
_FIND = """
select s.id, s.org, s.subject, s.stepped
from subject_ref s join unnest($1::text[], $2::text[]) as r(org, subject) using (org, subject)
"""


async def number(
    connection: asyncpg.Connection, keys: Collection[Key], *, stepped: bool
) -> tuple[Mapping[Key, int], int, int]:
    """The number of each ref, new ones made; then how many were made and how many became stepped just now.

    `stepped`: a step stands under each of them. A ref that evidence alone names has none yet.
    """
    orgs, subjects = [k[0] for k in keys], [k[1] for k in keys]
    made = await connection.fetch(_ADD, orgs, subjects, stepped)
    numbers = {(row["org"], row["subject"]): row["id"] for row in made}
    began = len(made) if stepped else 0
    if len(made) < len(keys):
        found = await connection.fetch(_FIND, orgs, subjects)
        numbers |= {(row["org"], row["subject"]): row["id"] for row in found}
        late = sorted(row["id"] for row in found if stepped and not row["stepped"])
        if late:
            await connection.execute("update subject_ref set stepped = true where id = any($1::bigint[])", late)
            began += len(late)
    return numbers, len(made), began


async def find(connection: asyncpg.Connection, org: str, subject: str) -> int | None:
    """The number of this ref, if anything was ever published under it."""
    number: int | None = await connection.fetchval(
        "select id from subject_ref where org = $1 and subject = $2", org, subject
    )
    return number
