"""Which refs links connect, whether these bind or not; how many they are, and who said how many of the links."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import asyncpg

from pathline_gateway.pathways.subject_repository import Key

_LOCK = 0x706C_0030
_OF = """
select s.org, s.subject, c.component
from unnest($1::text[], $2::text[]) as r(org, subject)
join subject_ref s using (org, subject) join link_component c on c.ref = s.id
"""
_SIZES = "select component, count(*) as refs from link_component where component = any($1::bigint[]) group by component"
_LINKS = "select component, org, links from link_component_share where component = any($1::bigint[])"
_MOVE = "update link_component set component = $1 where component = any($2::bigint[]) and component <> $1"
_ADD = """
insert into link_component (ref, component) select ref, $2 from unnest($1::bigint[]) as r(ref) on conflict do nothing
"""
_GONE = "delete from link_component_share where component = any($2::bigint[]) and component <> $1 returning org, links"
_SHARE = """
insert into link_component_share as s (component, org, links)
select $1, org, links from unnest($2::text[], $3::integer[]) as said(org, links)
on conflict (component, org) do update set links = s.links + excluded.links
"""


class StoredLinkComponents(NamedTuple):
    """The components of some refs."""

    of: dict[Key, int]
    each: dict[int, tuple[int, dict[str, int]]]
    """How many refs each has, and how many links of each organisation."""


async def lock(connection: asyncpg.Connection) -> None:
    """Nobody else stores links until this transaction ends. Taken before anything is numbered or claimed."""
    await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)


async def read(connection: asyncpg.Connection, refs: Collection[Key]) -> StoredLinkComponents:
    """The components of these refs; of those that have any."""
    rows = await connection.fetch(_OF, [org for org, _ in refs], [subject for _, subject in refs])
    of = {(row["org"], row["subject"]): row["component"] for row in rows}
    numbers = sorted({*of.values()})
    each: dict[int, tuple[int, dict[str, int]]] = {
        row["component"]: (row["refs"], {}) for row in (await connection.fetch(_SIZES, numbers) if numbers else ())
    }
    for row in await connection.fetch(_LINKS, numbers) if numbers else ():
        each[row["component"]][1][row["org"]] = row["links"]
    return StoredLinkComponents(of, each)


async def write(
    connection: asyncpg.Connection, stored: Iterable[int], new: Collection[int], said: Mapping[str, int]
) -> None:
    """What was stored under these numbers is one, with these new refs, and so many more links of each organisation."""
    before = sorted(stored)
    number = before[0] if before else min(new)
    if len(before) > 1:
        await connection.execute(_MOVE, number, before)
    await connection.execute(_ADD, sorted(new), number)
    links = dict(said)
    if len(before) > 1:
        for row in await connection.fetch(_GONE, number, before):
            links[row["org"]] = links.get(row["org"], 0) + row["links"]
    await connection.execute(_SHARE, number, list(links), list(links.values()))
