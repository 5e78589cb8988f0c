"""Which subscriptions are given which of some stored events: by their filters, and by what they may see."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg

from pathline_gateway.store.subscriptions import Subscription
from pathline_gateway.streams.matching import Matching
from pathline_gateway.streams.said import as_sent, is_told_as_sent, to_others
from pathline_gateway.streams.sight import Sight


async def wanted_of(
    matching: Matching[Subscription], sight: Sight, rows: Iterable[asyncpg.Record]
) -> list[tuple[Subscription, asyncpg.Record]]:
    """Each subscription with each event that it is given, in the order of the events."""
    found = []
    for row in rows:
        for each in matching.wanted_by(as_sent(row)):
            if is_told_as_sent(each, row["org"]) and row["seq"] > each.from_seq:
                found.append((each, row))
        for each in matching.wanted_by(to_others(row)):
            if is_told_as_sent(each, row["org"]) or row["seq"] <= each.from_seq:
                continue
            if await sight.sees(each, row["pathway"], (row["source"], row["id"])):
                found.append((each, row))
    return found
