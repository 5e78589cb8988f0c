"""Organisations, their sources, and event types: small tables, remembered in the process once they are committed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import asyncpg

from pathline.interaction import organisation_of

_ADD_ORGANISATIONS = """
insert into organisation (org, registered_by)
select org, 'first-event' from unnest($1::text[]) as o(org) order by org collate "C"
on conflict do nothing
"""
_SOURCES = "select source, id from source where source = any($1::text[])"
_TYPES = "select type, id from event_type where type = any($1::text[])"
_ADD_SOURCES = """
insert into source (source, org)
select * from unnest($1::text[], $2::text[]) as s(source, org) order by source collate "C"
on conflict do nothing
"""
_ADD_TYPES = """
insert into event_type (type) select type from unnest($1::text[]) as t(type) order by type collate "C"
on conflict do nothing
"""


@dataclass
class Known:
    """What a process remembers of the register: rows that are committed, and so never change their numbers."""

    orgs: set[str] = field(default_factory=set)
    sources: dict[str, int] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)

    def learn(self, other: Known) -> None:
        """These are committed."""
        self.orgs |= other.orgs
        self.sources |= other.sources
        self.types |= other.types


async def known_organisations(connection: asyncpg.Connection, orgs: Collection[str]) -> set[str]:
    """Those of `orgs` that are on the register."""
    rows = await connection.fetch("select org from organisation where org = any($1::text[])", list(orgs))
    return {row["org"] for row in rows}


async def publishers(connection: asyncpg.Connection) -> set[str]:
    """The organisations that have published."""
    return {row["org"] for row in await connection.fetch("select distinct org from source")}


async def add_organisations(connection: asyncpg.Connection, orgs: Collection[str]) -> None:
    """These organisations are on the register; those that were not, as met at their first event."""
    await connection.execute(_ADD_ORGANISATIONS, list(orgs))


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
