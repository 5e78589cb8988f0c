"""The kinds of steps: what many steps have in common, numbered, and remembered in the process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

import asyncpg

from pathline_gateway.pathways.stored_form import StepKind
from pathline_gateway.postgres.registry_cache import Kind, RegistryCache

_COLUMNS = "select * from unnest($1::int[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::text[])"
# In one order, whoever inserts them: two writers of the same kinds would deadlock.
_INSERT = (
    "insert into step_kind (source, type, service, channel, initiator, actor) " + _COLUMNS + " on conflict do nothing"
)
_FIND = """
select n.nth, k.id
from unnest($1::int[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::text[])
    with ordinality as n(source, type, service, channel, initiator, actor, nth)
cross join lateral (
    select k.id from step_kind k
    where k.source = n.source and k.type = n.type and k.service is not distinct from n.service
        and k.channel is not distinct from n.channel and k.initiator is not distinct from n.initiator
        and k.actor is not distinct from n.actor
) k
"""
_BY_NUMBER = """
select k.id, src.source, t.type, k.service, k.channel, k.initiator, k.actor
from step_kind k join source src on src.id = k.source join event_type t on t.id = k.type
where k.id = any($1::int[])
"""


async def kind_numbers(
    connection: asyncpg.Connection,
    kinds: Collection[StepKind],
    sources: Mapping[str, int],
    types: Mapping[str, int],
) -> dict[Kind, int]:
    """The number of each kind; new ones are entered. Sources and types have their numbers."""
    ordered = sorted(kinds, key=lambda kind: [(value is not None, value or "") for value in kind])
    found = await _find(connection, ordered, sources, types)
    if len(found) < len(ordered):
        await connection.execute(_INSERT, *_columns([k for k in ordered if k not in found], sources, types))
        found = await _find(connection, ordered, sources, types)
    return found


async def load_kinds(connection: asyncpg.Connection, numbers: Collection[int]) -> Mapping[int, StepKind]:
    """The kinds of these numbers, and of others."""
    cache: RegistryCache = getattr(connection, "known", None) or RegistryCache()
    if uncached := set(numbers) - cache.kind_by_number.keys():
        rows = await connection.fetch(_BY_NUMBER, list(uncached))
        cache.remember_kinds({row["id"]: StepKind(*list(row.values())[1:]) for row in rows}, numbers)
    return cast(Mapping[int, StepKind], cache.kind_by_number)


async def _find(
    connection: asyncpg.Connection, kinds: list[StepKind], sources: Mapping[str, int], types: Mapping[str, int]
) -> dict[Kind, int]:
    rows = await connection.fetch(_FIND, *_columns(kinds, sources, types))
    return {kinds[row["nth"] - 1]: row["id"] for row in rows}


def _columns(kinds: list[StepKind], sources: Mapping[str, int], types: Mapping[str, int]) -> list[list[object]]:
    source, type, *texts = map(list, zip(*kinds, strict=True))
    return [[sources[name] for name in source], [types[name] for name in type], *texts]
