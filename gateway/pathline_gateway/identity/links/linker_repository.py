"""Which organisation may say who is who at which others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

_ADD = "insert into linker (org, of_org, entered_by) values ($1, $2, $3) on conflict do nothing returning true"
_REMOVE = "delete from linker where org = $1 and of_org = $2 returning true"
_LIST = """
select org, of_org, entered_by, entered_at from linker
where (org, of_org) > ($1, $2) and ($3::text is null or org = $3 or of_org = $3) order by org, of_org limit $4
"""


@dataclass(frozen=True, slots=True)
class Linker:
    """An organisation that may link the subjects of another with those of all others that it may link."""

    org: str
    of_org: str
    entered_by: str
    entered_at: datetime


async def add(connection: asyncpg.Connection, org: str, of_org: str, entered_by: str) -> bool:
    """The organisation may link the other's subjects, from its next link on; whether it could not before.

    Raises ForeignKeyViolationError unless both are on the register.
    """
    return bool(await connection.fetchval(_ADD, org, of_org, entered_by))


async def remove(connection: asyncpg.Connection, org: str, of_org: str) -> bool:
    """It may not, from its next link on; whether it could before. What it linked stays until it is retracted."""
    return bool(await connection.fetchval(_REMOVE, org, of_org))


async def list_linkers(
    connection: asyncpg.Connection, after: tuple[str, str], of: str | None, limit: int
) -> list[Linker]:
    """The next after this organisation and that which it links; of one organisation on either side, or of all."""
    return [Linker(*row.values()) for row in await connection.fetch(_LIST, *after, of, limit)]
