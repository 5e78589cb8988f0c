"""How many events of one hand-off one organisation may publish: each new one makes the gateway read them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

import asyncpg

from pathline_gateway.handoffs import event_repository
from pathline_gateway.handoffs.event_repository import HandoffParty, party_of
from pathline_gateway.intake import dedup_repository
from pathline_gateway.intake.record import Accepted
from pathline_gateway.limits.table import Limits
from pathline_gateway.postgres.registry_cache import RegistryCache

DETAIL: Final = "too many of your events name this hand-off: begin another"
_CHECK_FRACTION: Final = 8
"""Postgres is asked only about who has said this part of what she may since the process began: most say little."""


async def find_over_limit(
    connection: asyncpg.Connection, registry: RegistryCache, accepted: Iterable[Accepted], limits: Limits
) -> set[int]:
    """Those of these (by `id`) that go past the limit. What is stored already goes past none."""
    events_by_party = [
        (HandoffParty(a.columns.handoff, *party_of(*a.ref)), a)
        for a in accepted
        if a.is_step and a.columns.handoff is not None
    ]
    if not events_by_party:
        return set()
    checked_above = limits.handoff_events // _CHECK_FRACTION
    counts = {
        event_party: registry.count_handoff_event(event_party, checked_above) for event_party, _ in events_by_party
    }
    suspects = [(event_party, a) for event_party, a in events_by_party if counts[event_party] > checked_above]
    return await _find_over_limit(connection, suspects, limits.handoff_events) if suspects else set()


async def _find_over_limit(
    connection: asyncpg.Connection, suspects: Collection[tuple[HandoffParty, Accepted]], limit: int
) -> set[int]:
    known_digests = await dedup_repository.known_digests(connection, [a.identity for _, a in suspects])
    counts = Counter(
        await event_repository.count_events(connection, {event_party for event_party, _ in suspects}, limit)
    )
    over_limit: set[int] = set()
    for event_party, a in suspects:
        if a.identity in known_digests:
            continue
        if counts[event_party] >= limit:
            over_limit.add(id(a))
        counts[event_party] += 1
    return over_limit
