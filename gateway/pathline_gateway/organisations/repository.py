"""Organisations, their sources, and event types: small tables, remembered in the process once they are committed."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import orjson

from pathline.interaction import organisation_of
from pathline_gateway.postgres.registry_cache import RegistryCache

_UNKNOWN_TTL_S = 1.0
"""How long an organisation that is not on the register is not looked for again."""
_MAX_UNKNOWN = 10_000

_ADD_ORGANISATIONS = """
insert into organisation (org, registered_by)
select org, 'first-event' from unnest($1::text[]) as o(org) order by org collate "C"
on conflict do nothing
"""
_UPSERT = """
insert into organisation (org, name, sector, abn, directory, registered_by) values ($1, $2, $3, $4, $5, 'operator')
on conflict (org) do update set name = excluded.name, sector = excluded.sector, abn = excluded.abn,
    directory = excluded.directory, registered_by = 'operator'
returning (xmax = 0) as new
"""
_LIST = """
select org, name, sector, abn, directory, registered_by, registered_at from organisation
where org > $1 order by org limit $2
"""
_SOURCES = "select source, id from source where source = any($1::text[])"
_TYPES = "select type, id from event_type where type = any($1::text[])"
_SOURCE_NAMES = "select id, source as name from source where id = any($1::int[])"
_TYPE_NAMES = "select id, type as name from event_type where id = any($1::smallint[])"
_ADD_SOURCES = """
insert into source (source, org)
select * from unnest($1::text[], $2::text[]) as s(source, org) order by source collate "C"
on conflict do nothing
"""
_ADD_TYPES = """
insert into event_type (type) select type from unnest($1::text[]) as t(type) order by type collate "C"
on conflict do nothing
"""


@dataclass(frozen=True, slots=True)
class OrganisationRow:
    """An organisation as it stands on the register."""

    org: str
    name: str | None
    sector: str | None
    abn: str | None
    directory: Mapping[str, str]
    registered_by: str
    """`operator`, or `first-event` when nobody has entered it yet."""
    registered_at: datetime


async def known_organisations(connection: asyncpg.Connection, orgs: Collection[str]) -> set[str]:
    """Those of `orgs` that are on the register."""
    rows = await connection.fetch("select org from organisation where org = any($1::text[])", list(orgs))
    return {row["org"] for row in rows}


async def cached_registered(connection: asyncpg.Connection, orgs: Collection[str]) -> set[str]:
    """The same; who was on the register is not asked about again, who was not is a second later."""
    cache: RegistryCache = getattr(connection, "known", None) or RegistryCache()
    now, requested = time.monotonic(), set(orgs)
    if uncached := {
        org for org in requested - cache.orgs if now - cache.unknown_orgs.get(org, -_UNKNOWN_TTL_S) >= _UNKNOWN_TTL_S
    }:
        cache.orgs |= await known_organisations(connection, uncached)
        if len(cache.unknown_orgs) > _MAX_UNKNOWN:
            cache.unknown_orgs.clear()
        cache.unknown_orgs |= dict.fromkeys(uncached - cache.orgs, now)
    return cache.orgs & requested


async def publishing_organisations(connection: asyncpg.Connection) -> set[str]:
    """The organisations that have published."""
    return {row["org"] for row in await connection.fetch("select distinct org from source")}


async def add_organisations(connection: asyncpg.Connection, orgs: Collection[str]) -> None:
    """These organisations are on the register; those that were not, as met at their first event."""
    await connection.execute(_ADD_ORGANISATIONS, list(orgs))


async def upsert_organisation(
    connection: asyncpg.Connection,
    org: str,
    name: str | None,
    sector: str | None,
    abn: str | None,
    directory: Mapping[str, str],
) -> bool:
    """The organisation is on the register with this entry; whether it was not there before."""
    directory_json = orjson.dumps(dict(directory)).decode()
    return bool(await connection.fetchval(_UPSERT, org, name, sector, abn, directory_json))


async def list_organisations(connection: asyncpg.Connection, after: str, limit: int) -> list[OrganisationRow]:
    """The next organisations after this code."""
    rows = await connection.fetch(_LIST, after, limit)
    return [OrganisationRow(**{**row, "directory": orjson.loads(row["directory"])}) for row in rows]


async def linkers(connection: asyncpg.Connection, orgs: Collection[str]) -> set[tuple[str, str]]:
    """Which of these organisations are registered as linkers, and of which organisations."""
    rows = await connection.fetch("select org, of_org from linker where org = any($1::text[])", list(orgs))
    return {(row["org"], row["of_org"]) for row in rows}


async def source_numbers(connection: asyncpg.Connection, sources: Collection[str]) -> dict[str, int]:
    """The number of each source; new ones are entered. Their organisations must be on the register."""
    names = sorted(sources)
    found = await connection.fetch(_SOURCES, names)
    if len(found) < len(names):
        await connection.execute(_ADD_SOURCES, names, [organisation_of(name) for name in names])
        found = await connection.fetch(_SOURCES, names)
    return {row["source"]: row["id"] for row in found}


async def type_numbers(connection: asyncpg.Connection, types: Collection[str]) -> dict[str, int]:
    """The number of each event type; new ones are entered."""
    names = sorted(types)
    found = await connection.fetch(_TYPES, names)
    if len(found) < len(names):
        await connection.execute(_ADD_TYPES, names)
        found = await connection.fetch(_TYPES, names)
    return {row["type"]: row["id"] for row in found}


async def load_names(
    connection: asyncpg.Connection, sources: Collection[int], types: Collection[int]
) -> tuple[Mapping[int, str], Mapping[int, str]]:
    """Sources and event types by these numbers, and by others."""
    cache: RegistryCache = getattr(connection, "known", None) or RegistryCache()
    for statement, numbers, cached_names in (
        (_SOURCE_NAMES, sources, cache.source_names),
        (_TYPE_NAMES, types, cache.type_names),
    ):
        if uncached := set(numbers) - cached_names.keys():
            cached_names |= {row["id"]: row["name"] for row in await connection.fetch(statement, list(uncached))}
    return cache.source_names, cache.type_names
