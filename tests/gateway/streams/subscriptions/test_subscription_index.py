"""As many subscriptions as may be, each with as many conditions: an event costs what it matches, and nobody waits."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from pathline_gateway.time_slice import TimeSlice

TYPE = "org.pathline.activity.recorded.v1"


def subscription(n: int, *filters: Any) -> Subscription:
    said = (f"org{n % 20}", False, "PULL", "care", None, list(filters), False, datetime(2026, 1, 1, tzinfo=UTC), 0, 0)
    return Subscription(UUID(int=n + 1), *said)


def row(n: int) -> dict[str, Any]:
    org = f"org{n % 20}"
    said = {"service": f"service-{n}", "channel": "web", "activity": f"activity-{n}", "actor": "staff"}
    place = {"source": f"urn:pathline:{org}:system", "org": org, "type": TYPE, "subject": None}
    return {**place, "payload": b"{}\n" + orjson.dumps(said)}


def selective(n: int) -> Any:
    """Two hundred activities that one service has."""
    return {"any": [{"exact": {"activity": f"activity-{1_000 * n + k}"}} for k in range(200)]}


def costly(n: int) -> Any:
    """Nearly holds for every event, in fifty ways: nothing can be looked up."""
    return {"any": [{"all": [{"prefix": {"type": TYPE[: 1 + k % 30]}}, {"not": {"prefix": {"activity": f"{n}.{k}"}}},
                             {"not": {"exact": {"actor": "staff"}}}, {"suffix": {"channel": "eb"[: 1 + k % 2]}}]}
                    for k in range(50)]}  # fmt: skip


class Turns:
    """How long somebody else who is always ready waited for a turn, at most."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def __aenter__(self) -> Turns:
        self._task = asyncio.create_task(self._take())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _take(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()  # what others of this machine do is nobody's wait here
            self.longest, last = max(self.longest, now - last), now


async def found(index: SubscriptionIndex, events: int) -> int:
    slice, n = TimeSlice(), 0
    for each in map(row, range(events)):
        for matches, _ in index.iter_matches(each):
            n += len(matches)
            if slice.is_spent:
                await slice.renew()
    return n


async def test_an_event_costs_what_it_matches_and_not_what_there_is() -> None:
    few, many = (SubscriptionIndex(subscription(n, selective(n)) for n in range(count)) for count in (20, 600))
    spent = []
    for index in (few, many):
        began = time.thread_time()
        assert await found(index, 400) == 200
        spent.append(time.thread_time() - began)
    assert spent[1] < 5 * spent[0]


async def test_whatever_is_looked_up_others_have_their_turn() -> None:
    index = SubscriptionIndex(subscription(n, costly(n)) for n in range(300))
    async with Turns() as others:
        began = time.thread_time()
        assert await found(index, 40) == 0
        spent = time.thread_time() - began
    assert spent > 0.1, "else it shows nothing"
    assert others.longest < 0.05
