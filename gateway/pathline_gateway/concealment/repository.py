"""What the register says must not be known, as operators enter it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from pathline_gateway.concealment.rules import Concealment

_SET_ORG_CONCEALS = "update organisation set conceals = $2 where org = $1 and conceals <> $2 returning org"
_INSERT_SERVICE = "insert into concealed_service (org, service, entered_by) values ($1, $2, $3) on conflict do nothing"
_INSERT_REF = "insert into concealed_ref (org, subject, entered_by) values ($1, $2, $3) on conflict do nothing"
_DELETE_SERVICE = "delete from concealed_service where org = $1 and service = $2"
_DELETE_REF = "delete from concealed_ref where org = $1 and subject = $2"
_LIST = """
select org, service from (
    select org, null as service from organisation where conceals
    union all
    select org, service from concealed_service
) as c where $1::text is null or org = $1
order by org, service nulls first
"""

_LIFT_REQUESTER = """
select asked_by from concealment_lift
where org = $1 and service is not distinct from $2 and subject is not distinct from $3
  and asked_at > now() - interval '1 day'
for update
"""
_UPSERT_LIFT_REQUEST = """
insert into concealment_lift (org, service, subject, asked_by) values ($1, $2, $3, $4)
on conflict (org, service, subject) do update set asked_by = excluded.asked_by, asked_at = now()
"""
_DELETE_LIFT_REQUEST = """
delete from concealment_lift
where org = $1 and service is not distinct from $2 and subject is not distinct from $3
"""
_PENDING_LIFTS = """
select org, service, asked_by, asked_at from concealment_lift
where asked_at > now() - interval '1 day' and ($1::text is null or org = $1) order by asked_at limit 1000
"""


class LiftRequest(NamedTuple):
    """Somebody asks that a concealment be lifted, and another has to agree within a day."""

    org: str
    service: str | None
    asked_by: str
    asked_at: datetime


async def conceal(
    connection: asyncpg.Connection, org: str, service: str | None, subject: str | None, actor: str
) -> None:
    """This ref, or this service, or all of the organisation is concealed. It must be on the register.

    Nobody's question to lift it stands any more.
    """
    await connection.execute(_DELETE_LIFT_REQUEST, org, service, subject)
    if subject is not None:
        await connection.execute(_INSERT_REF, org, subject, actor)
    elif service is not None:
        await connection.execute(_INSERT_SERVICE, org, service, actor)
    else:
        await connection.execute(_SET_ORG_CONCEALS, org, True)


async def lift(connection: asyncpg.Connection, org: str, service: str | None, subject: str | None) -> None:
    """Ends the concealment, and deletes the request to lift it."""
    await connection.execute(_DELETE_LIFT_REQUEST, org, service, subject)
    if subject is not None:
        await connection.execute(_DELETE_REF, org, subject)
    elif service is not None:
        await connection.execute(_DELETE_SERVICE, org, service)
    else:
        await connection.execute(_SET_ORG_CONCEALS, org, False)


async def lift_requested_by(
    connection: asyncpg.Connection, org: str, service: str | None, subject: str | None
) -> str | None:
    """Who asked within the last day that this be lifted; nobody else changes it before the transaction ends."""
    requester: str | None = await connection.fetchval(_LIFT_REQUESTER, org, service, subject)
    return requester


async def request_lift(
    connection: asyncpg.Connection, org: str, service: str | None, subject: str | None, actor: str
) -> None:
    """Records the request to lift the concealment."""
    await connection.execute(_UPSERT_LIFT_REQUEST, org, service, subject, actor)


async def pending_lifts(connection: asyncpg.Connection, org: str | None) -> list[LiftRequest]:
    """What waits for another's agreement; of one organisation or of all. Not of whom: refs are told to nobody."""
    return [LiftRequest(*row.values()) for row in await connection.fetch(_PENDING_LIFTS, org)]


async def list_concealed(connection: asyncpg.Connection, org: str | None = None) -> list[tuple[str, str | None]]:
    """Organisations that conceal everything (no service), and services that are concealed. Refs are told to nobody."""
    return [(row["org"], row["service"]) for row in await connection.fetch(_LIST, org)]


CONCEALED_FROM_OTHERS: Final = """
array(select org from organisation where conceals),
array(select row(org, service) from concealed_service),
array(select row(c.org, c.subject) from ref join concealed_ref c using (org, subject))
"""
"""Three columns, of which the last is about the rows of a common table expression `ref`: as `concealment_from_columns`
takes them."""
_SELECT_CONCEALMENT = f"""
with ref as (select * from unnest($1::text[], $2::text[]) as r(org, subject)) select {CONCEALED_FROM_OTHERS}
"""  # noqa: S608 (text of the project alone)


async def load_concealment(connection: asyncpg.Connection, refs: Collection[tuple[str, str]]) -> Concealment:
    """What the register says of organisations, services and these refs (organisation and subject)."""
    row = await connection.fetchrow(_SELECT_CONCEALMENT, [r[0] for r in refs], [r[1] for r in refs])
    return concealment_from_columns(*row.values())


def concealment_from_columns(
    orgs: Iterable[str], services: Iterable[Sequence[str]], refs: Iterable[Sequence[str]]
) -> Concealment:
    """What the columns of `CONCEALED_FROM_OTHERS` say."""
    return Concealment(
        frozenset(orgs),
        frozenset((org, service) for org, service in services),
        frozenset((org, subject) for org, subject in refs),
    )
