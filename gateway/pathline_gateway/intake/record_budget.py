"""How much may be said of hand-offs under one record: whoever pulls that person's pathway has all of it read.

An answer to what another organisation offered is never counted and never refused: somebody waits for it. There are no
more of these than the other may offer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

import asyncpg

from pathline_gateway.handoffs import record_event_repository
from pathline_gateway.handoffs.record_event_repository import Naming
from pathline_gateway.intake import dedup_repository
from pathline_gateway.intake.record import Accepted
from pathline_gateway.intake.row_mapping import offered
from pathline_gateway.limits.table import Limits
from pathline_gateway.postgres.registry_cache import RegistryCache

DETAIL: Final = "too many of your events under this subject name hand-offs: use one hand-off for what belongs together"
_PART: Final = 8
"""As for hand-offs: Postgres is asked only about records of which this part was said since the process began."""
_REMEMBERED: Final = 50_000


async def beyond(
    connection: asyncpg.Connection, known: RegistryCache, accepted: Iterable[Accepted], limits: Limits
) -> set[int]:
    """Those of these (by `id`) that go past the limit. What is stored already goes past none."""
    said = [a for a in accepted if a.step and a.columns.handoff is not None]
    if not said:
        return set()
    if len(known.said_under) > _REMEMBERED:
        known.said_under.clear()
    for a in said:
        known.said_under[a.ref] += 1
    most = limits.handoff_events_of_record
    loud = [a for a in said if known.said_under[a.ref] > most // _PART]
    return await _too_many(connection, said, loud, most) if loud else set()


async def _too_many(
    connection: asyncpg.Connection, said: Collection[Accepted], loud: Collection[Accepted], most: int
) -> set[int]:
    counts = Counter(await record_event_repository.said(connection, {a.ref for a in loud}, most))
    if not any(counts[ref] + n > most for ref, n in Counter(a.ref for a in loud).items()):
        return set()
    stored = await dedup_repository.known_digests(connection, [a.identity for a in loud])
    answers = await record_event_repository.answers(connection, {_naming(a) for a in loud})
    asked = {(offer.handoff, offer.to) for a in said if (offer := offered(a)) is not None}
    found: set[int] = set()
    for a in loud:
        naming = _naming(a)
        if a.identity in stored or naming in answers or (naming.handoff, naming.org) in asked:
            continue
        if counts[a.ref] >= most:
            found.add(id(a))
        counts[a.ref] += 1
    return found


def _naming(a: Accepted) -> Naming:
    return Naming(str(a.columns.handoff), *a.ref)
