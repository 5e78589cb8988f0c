"""What the register says must not be known, as operators enter it."""

from __future__ import annotations

import asyncpg

_ORG = "update organisation set conceals = $2 where org = $1 and conceals <> $2 returning org"
_SERVICE = "insert into concealed_service (org, service, entered_by) values ($1, $2, $3) on conflict do nothing"
_REF = "insert into concealed_ref (org, subject, entered_by) values ($1, $2, $3) on conflict do nothing"
_NOT_SERVICE = "delete from concealed_service where org = $1 and service = $2"
_NOT_REF = "delete from concealed_ref where org = $1 and subject = $2"
_LISTED = """
select org, null as service from organisation where conceals
union all
select org, service from concealed_service
order by org, service nulls first
"""


async def conceal(connection: asyncpg.Connection, org: str, service: str | None, subject: str | None, by: str) -> None:
    """This ref, or this service, or all of the organisation is concealed. It must be on the register."""
    if subject is not None:
        await connection.execute(_REF, org, subject, by)
    elif service is not None:
        await connection.execute(_SERVICE, org, service, by)
    else:
        await connection.execute(_ORG, org, True)


async def lift(connection: asyncpg.Connection, org: str, service: str | None, subject: str | None) -> None:
    """It is no longer."""
    if subject is not None:
        await connection.execute(_NOT_REF, org, subject)
    elif service is not None:
        await connection.execute(_NOT_SERVICE, org, service)
    else:
        await connection.execute(_ORG, org, False)


async def listed(connection: asyncpg.Connection) -> list[tuple[str, str | None]]:
    """Organisations that conceal everything (no service), and services that are concealed. Refs are told to nobody."""
    return [(row["org"], row["service"]) for row in await connection.fetch(_LISTED)]
