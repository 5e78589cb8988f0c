"""Which organisations are registered to register mandates, as operators enter them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

_ADD = "insert into mandate_registrar (org, entered_by) values ($1, $2) on conflict do nothing returning true"
_REMOVE = "delete from mandate_registrar where org = $1 returning true"
_LIST = "select org, entered_by, entered_at from mandate_registrar where org > $1 order by org limit $2"
_SELECT_ALL = "select org from mandate_registrar"


@dataclass(frozen=True, slots=True)
class Registrar:
    """An organisation whose mandates count."""

    org: str
    entered_by: str
    entered_at: datetime


async def add(connection: asyncpg.Connection, org: str, entered_by: str) -> bool:
    """The mandates that this organisation registers count from now on; whether they did not before.

    Raises ForeignKeyViolationError unless it is on the register.
    """
    return bool(await connection.fetchval(_ADD, org, entered_by))


async def remove(connection: asyncpg.Connection, org: str) -> bool:
    """Its mandates are proposals from now on, those that it gave before too; whether they counted."""
    return bool(await connection.fetchval(_REMOVE, org))


async def list_registrars(connection: asyncpg.Connection, after: str, limit: int) -> list[Registrar]:
    """The next after this organisation, by code."""
    return [Registrar(*row.values()) for row in await connection.fetch(_LIST, after, limit)]


async def all_registrars(connection: asyncpg.Connection) -> frozenset[str]:
    """All of them."""
    return frozenset(row["org"] for row in await connection.fetch(_SELECT_ALL))
