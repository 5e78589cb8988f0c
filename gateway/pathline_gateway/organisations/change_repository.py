"""The history of the register: what was entered, changed and taken away, by whom. Triggers write it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import orjson

# Which persons are concealed is told to nobody but their own organisation.
_LIST = """
select id, at, changed_by, register, change, before - 'subject', after - 'subject' from register_change
where id > $1 order by id limit $2
"""
_CONCEALMENT_CHANGES = """
select at, changed_by, register, change, said ->> 'service' as service, said ->> 'subject' as subject,
    (after ->> 'conceals')::boolean as conceals
from register_change cross join lateral (select coalesce(after, before) as said) as s
where said ->> 'org' = $1 and (
    register in ('concealed_service', 'concealed_ref', 'concealment_lift')
    or (register = 'organisation' and change = 'update' and before -> 'conceals' <> after -> 'conceals')
) and at > $2
order by id desc limit $3
"""


class RegisterChange(NamedTuple):
    """One row of some register, as it was and as it is."""

    id: int
    at: datetime
    changed_by: str
    """A role or an organisation, and who of them acted; `sql:` and a role of Postgres where no program of ours did."""
    register: str
    change: str
    """insert, update or delete."""
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class ConcealmentChange(NamedTuple):
    """What became of a concealment of one organisation."""

    at: datetime
    changed_by: str
    change: str
    """concealed, lifted, lift-asked or lift-closed."""
    service: str | None
    subject: str | None

    def is_by(self, org: str) -> bool:
        """Whether it was this organisation that did it."""
        return self.changed_by.partition(":")[0] == org


async def list_changes(connection: asyncpg.Connection, after: int, limit: int) -> list[RegisterChange]:
    """The next changes after this number, in order."""
    rows = await connection.fetch(_LIST, after, limit)
    return [RegisterChange._make((*row[:5], _parse_json(row[5]), _parse_json(row[6]))) for row in rows]


async def list_concealment_changes(
    connection: asyncpg.Connection, org: str, since: datetime, limit: int
) -> list[ConcealmentChange]:
    """What became of this organisation's concealment since, the latest first."""
    rows = await connection.fetch(_CONCEALMENT_CHANGES, org, since, limit)
    return [
        ConcealmentChange(row["at"], row["changed_by"], _change_word(row), row["service"], row["subject"])
        for row in rows
    ]


def _change_word(row: asyncpg.Record) -> str:
    if row["register"] == "organisation":
        return "concealed" if row["conceals"] else "lifted"
    if row["register"] == "concealment_lift":
        return "lift-closed" if row["change"] == "delete" else "lift-asked"
    return "lifted" if row["change"] == "delete" else "concealed"


def _parse_json(text: str | None) -> Mapping[str, Any] | None:
    return None if text is None else dict(orjson.loads(text))
