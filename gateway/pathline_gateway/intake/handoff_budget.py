"""How much one organisation may say of one hand-off: all of it is read whenever anything is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

import asyncpg

from pathline_gateway.handoffs import event_repository
from pathline_gateway.handoffs.event_repository import Party, party
from pathline_gateway.intake import dedup_repository
from pathline_gateway.intake.record import Accepted
from pathline_gateway.limits.table import Limits
from pathline_gateway.postgres.registry_cache import RegistryCache

DETAIL: Final = "too many of your events name this hand-off: begin another"
_PART: Final = 8
"""Postgres is asked only about who has said this part of what she may since the process began: most say little."""
_REMEMBERED: Final = 50_000


async def beyond(
    connection: asyncpg.Connection, known: RegistryCache, accepted: Iterable[Accepted], limits: Limits
) -> set[int]:
    """Those of these (by `id`) that go past the limit. What is stored already goes past none."""
    said = [(Party(a.columns.handoff, *party(*a.ref)), a) for a in accepted if a.step and a.columns.handoff is not None]
    if not said:
        return set()
    if len(known.said) > _REMEMBERED:
        known.said.clear()
    for who, _ in said:
        known.said[who] += 1
    loud = [(who, a) for who, a in said if known.said[who] > limits.handoff_events // _PART]
    return await _too_many(connection, loud, limits.handoff_events) if loud else set()


async def _too_many(connection: asyncpg.Connection, loud: Collection[tuple[Party, Accepted]], most: int) -> set[int]:
    stored = await dedup_repository.known_digests(connection, [a.identity for _, a in loud])
    counts = Counter(await event_repository.said(connection, {who for who, _ in loud}, most))
    found: set[int] = set()
    for who, a in loud:
        if a.identity in stored:
            continue
        if counts[who] >= most:
            found.add(id(a))
        counts[who] += 1
    return found
