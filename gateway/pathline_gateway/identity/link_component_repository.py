"""SQL of the groups in `link_components.py`: the refs of each, and how many links each organisation made in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import asyncpg

from pathline_gateway.pathways.subject_repository import Key
from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock

_COMPONENTS_OF_REFS = """
select s.org, s.subject, c.component
from unnest($1::text[], $2::text[]) as r(org, subject)
join subject_ref s using (org, subject) join link_component c on c.ref = s.id
"""
_SIZES = "select component, count(*) as refs from link_component where component = any($1::bigint[]) group by component"
_LINK_COUNTS = "select component, org, link_count from link_component_share where component = any($1::bigint[])"
_MERGE_COMPONENTS = "update link_component set component = $1 where component = any($2::bigint[]) and component <> $1"
_INSERT_REFS = """
insert into link_component (ref, component) select ref, $2 from unnest($1::bigint[]) as r(ref) on conflict do nothing
"""
_DELETE_MERGED_SHARES = (
    "delete from link_component_share where component = any($2::bigint[]) and component <> $1 returning org, link_count"
)
_UPSERT_SHARES = """
insert into link_component_share as s (component, org, link_count)
select $1, org, links from unnest($2::text[], $3::integer[]) as said(org, links)
on conflict (component, org) do update set link_count = s.link_count + excluded.link_count
"""


class StoredLinkComponents(NamedTuple):
    """The components of some refs."""

    component_by_ref: dict[Key, int]
    sizes: dict[int, tuple[int, dict[str, int]]]
    """How many refs each has, and how many links of each organisation."""


async def lock(connection: asyncpg.Connection) -> None:
    """Nobody else stores links until this transaction ends. Taken before anything is numbered or claimed."""
    await advisory_locks.lock_for_transaction(connection, AdvisoryLock.LINK_COMPONENTS)


async def load_components(connection: asyncpg.Connection, refs: Collection[Key]) -> StoredLinkComponents:
    """The components of these refs; of those that have any."""
    rows = await connection.fetch(_COMPONENTS_OF_REFS, [org for org, _ in refs], [subject for _, subject in refs])
    component_by_ref = {(row["org"], row["subject"]): row["component"] for row in rows}
    numbers = sorted({*component_by_ref.values()})
    sizes: dict[int, tuple[int, dict[str, int]]] = {
        row["component"]: (row["refs"], {}) for row in (await connection.fetch(_SIZES, numbers) if numbers else ())
    }
    for row in await connection.fetch(_LINK_COUNTS, numbers) if numbers else ():
        sizes[row["component"]][1][row["org"]] = row["link_count"]
    return StoredLinkComponents(component_by_ref, sizes)


async def merge_components(
    connection: asyncpg.Connection,
    stored_numbers: Iterable[int],
    new_refs: Collection[int],
    new_links: Mapping[str, int],
) -> None:
    """What was stored under these numbers is one, with these new refs, and so many more links of each organisation."""
    numbers = sorted(stored_numbers)
    number = numbers[0] if numbers else min(new_refs)
    if len(numbers) > 1:
        await connection.execute(_MERGE_COMPONENTS, number, numbers)
    await connection.execute(_INSERT_REFS, sorted(new_refs), number)
    links = dict(new_links)
    if len(numbers) > 1:
        for row in await connection.fetch(_DELETE_MERGED_SHARES, number, numbers):
            links[row["org"]] = links.get(row["org"], 0) + row["link_count"]
    await connection.execute(_UPSERT_SHARES, number, list(links), list(links.values()))
