"""How many hand-offs one organisation may have waiting: at one receiver, and for one person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import asyncpg

from pathline_gateway.handoffs import open_offer_repository
from pathline_gateway.limits.table import Limits
from pathline_gateway.pathways.subject_repository import Key

OFFERED_TYPE: Final = "org.pathline.handoff.offered.v1"
DETAIL: Final = "too many of your hand-offs wait there: withdraw those that nobody needs, then replay it"


class Offer(NamedTuple):
    """A hand-off that is offered."""

    handoff: str
    ref: Key
    """Under which record, by its organisation: that is who offers."""
    to: str


async def find_over_limit(connection: asyncpg.Connection, offers: Sequence[Offer], limits: Limits) -> dict[str, str]:
    """Those of these hand-offs that go past a limit, and past which field of the table.

    What is known already goes past none. Hand-offs that came in the last moments may not be counted yet.
    """
    known = await open_offer_repository.existing_handoffs(connection, [each.handoff for each in offers])
    new = {each.handoff: each for each in offers if each.handoff not in known}
    if not new:
        return {}
    pairs = {(each.ref[0], each.to) for each in new.values()}
    pair_counts = Counter(await open_offer_repository.count_open_between(connection, pairs, limits.open_offers))
    record_counts = Counter(
        await open_offer_repository.count_open_under_ref(
            connection, {each.ref for each in new.values()}, limits.open_offers_of_record
        )
    )
    over_limit: dict[str, str] = {}
    for each in new.values():
        pair = (each.ref[0], each.to)
        if pair_counts[pair] >= limits.open_offers:
            over_limit[each.handoff] = "open_offers"
        elif record_counts[each.ref] >= limits.open_offers_of_record:
            over_limit[each.handoff] = "open_offers_of_record"
        else:
            pair_counts[pair] += 1
            record_counts[each.ref] += 1
    return over_limit
