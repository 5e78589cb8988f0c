"""Gives events to subscriptions under running numbers, and keeps what each was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg

StoredEvent = tuple[int, str]
"""The number of an event's source, and the event's id."""

_BATCH_SIZE: Final = 128
"""Events of a row: whoever looks for one of them reads all, and a few kilobytes are read at once."""
_COUNT = """
update subscription s set last_number = s.last_number + g.n
from unnest($1::uuid[], $2::bigint[]) as g(id, n) where s.id = g.id
returning s.id, s.last_number
"""
# One statement for all that receive the same: what there is to store is said once.
_INSERT = """
insert into delivery_batch (subscription, first_number, last_number, sources, ids)
select g.id, g.before + $3::bigint + 1, g.before + $3::bigint + cardinality($4::integer[]), $4, $5
from unnest($1::uuid[], $2::bigint[]) as g(id, before)
"""


async def assign_numbers(
    connection: asyncpg.Connection, events: Mapping[UUID, Sequence[StoredEvent]]
) -> dict[UUID, int]:
    """Each subscription is given these events, in order. The last number of each that was given any."""
    given = {subscription: of_one for subscription, of_one in events.items() if of_one}
    if not given:
        return {}
    rows = await connection.fetch(_COUNT, list(given), [len(of_one) for of_one in given.values()])
    last_numbers: dict[UUID, int] = {row["id"]: row["last_number"] for row in rows}
    alike: dict[int, list[UUID]] = {}
    for subscription, of_one in given.items():
        alike.setdefault(id(of_one), []).append(subscription)
    batches = []
    for subscriptions in alike.values():
        of_each = given[subscriptions[0]]
        before = [last_numbers[each] - len(of_each) for each in subscriptions]
        for begin in range(0, len(of_each), _BATCH_SIZE):
            sources, ids = zip(*of_each[begin : begin + _BATCH_SIZE], strict=True)
            batches.append((subscriptions, before, begin, sources, ids))
    await connection.executemany(_INSERT, batches)
    return last_numbers
