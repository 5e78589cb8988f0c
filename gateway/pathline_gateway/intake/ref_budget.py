"""How many events of hand-offs may stand under one ref: each pull of that person's pathway reads them all.

An answer to another organisation's offer is neither counted nor refused: somebody waits for it. There are no more of
these than the other may offer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

import asyncpg

from pathline_gateway.handoffs import ref_event_repository
from pathline_gateway.handoffs.ref_event_repository import HandoffReference
from pathline_gateway.intake import dedup_repository
from pathline_gateway.intake.record import Accepted
from pathline_gateway.intake.row_mapping import extract_offer
from pathline_gateway.limits.table import Limits
from pathline_gateway.postgres.registry_cache import RegistryCache

DETAIL: Final = "too many of your events under this subject name hand-offs: use one hand-off for what belongs together"
_CHECK_FRACTION: Final = 8
"""As for hand-offs: Postgres is asked only about records of which this part was said since the process began."""


async def find_over_limit(
    connection: asyncpg.Connection, registry: RegistryCache, accepted: Iterable[Accepted], limits: Limits
) -> set[int]:
    """Those of these (by `id`) that go past the limit. What is stored already goes past none."""
    handoff_events = [a for a in accepted if a.is_step and a.columns.handoff is not None]
    if not handoff_events:
        return set()
    limit = limits.handoff_events_of_record
    checked_above = limit // _CHECK_FRACTION
    counts = {a.ref: registry.count_ref_event(a.ref, checked_above) for a in handoff_events}
    suspects = [a for a in handoff_events if counts[a.ref] > checked_above]
    return await _find_over_limit(connection, handoff_events, suspects, limit) if suspects else set()


async def _find_over_limit(
    connection: asyncpg.Connection, handoff_events: Collection[Accepted], suspects: Collection[Accepted], limit: int
) -> set[int]:
    counts = Counter(await ref_event_repository.count_events(connection, {a.ref for a in suspects}, limit))
    if not any(counts[ref] + n > limit for ref, n in Counter(a.ref for a in suspects).items()):
        return set()
    known_digests = await dedup_repository.known_digests(connection, [a.identity for a in suspects])
    answers = await ref_event_repository.select_answers(connection, {_build_naming(a) for a in suspects})
    new_offers = {(offer.handoff, offer.to) for a in handoff_events if (offer := extract_offer(a)) is not None}
    over_limit: set[int] = set()
    for a in suspects:
        naming = _build_naming(a)
        if a.identity in known_digests or naming in answers or (naming.handoff, naming.org) in new_offers:
            continue
        if counts[a.ref] >= limit:
            over_limit.add(id(a))
        counts[a.ref] += 1
    return over_limit


def _build_naming(a: Accepted) -> HandoffReference:
    return HandoffReference(str(a.columns.handoff), *a.ref)
