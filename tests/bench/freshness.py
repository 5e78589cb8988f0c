"""From the instant an event was due to be published to the instant it can be pulled.

The load is open: event n is due at `start + n / rate` whatever became of the ones before, and its latency counts from
then, not from when the producer came to it. So a gateway or a producer that stalls is charged for everybody who waited
(no coordinated omission). Every event counts, none is sampled.

When can it be pulled? A pull reads what is committed, and an event is committed in the transaction that moves the
position of its partition past its offset. The positions are therefore asked every few milliseconds over a connection
of their own; the broker told the offset of each event. A few pulls over HTTP afterwards prove that it is so: an event
whose position had passed and that is not in the answer is a failure, not a statistic.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

import asyncpg
import httpx
from aiokafka import AIOKafkaProducer

from bench.events import ORG, Sent, event
from bench.live import Live
from bench.topic import OWN_TOPIC, producer

_POLL_S = 0.004
_TICK_S = 0.002
_PULLED = 20
_PATIENCE_S = 30
_POSITIONS = """
select partition, next_offset from consumer_position
where topic = $1 and "group" = $2 and log_epoch = (select max(log_epoch) from consumer_position where "group" = $2)
"""

Offsets = list[tuple[int, int]]
"""Partition and offset, event by event."""
Passed = Mapping[int, Sequence[tuple[float, int]]]
"""By partition: when (monotonic seconds) its position was seen to be what."""


class NotPullable(Exception):
    """An event that counts as applied was not in its pathway."""


async def freshness(live: Live, rate: int, seconds: float, start: int) -> dict[str, float]:
    """p50 and p99 in milliseconds at this many events a second; events are numbered from `start`."""
    load = [event(n, start + n % 2_000) for n in range(start, start + int(rate * seconds))]
    passed: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
    watching = asyncio.create_task(_watch(live, passed))
    try:
        async with producer(live.kafka) as out:
            began, offsets = await _publish(out, load, rate)
        await _until_passed(offsets, passed, watching)
    finally:
        watching.cancel()
    await _prove(live, load)
    waits = sorted(_waits(began, rate, offsets, passed))
    return {"p50_ms": round(_quantile(waits, 0.5) * 1e3, 1), "p99_ms": round(_quantile(waits, 0.99) * 1e3, 1)}


async def _publish(out: AIOKafkaProducer, load: Sequence[Sent], rate: int) -> tuple[float, Offsets]:
    sent = []
    began = time.monotonic() + 0.05
    for n, each in enumerate(load):
        while (early := began + n / rate - time.monotonic()) > 0:
            await asyncio.sleep(min(early, _TICK_S))
        sent.append(await out.send(OWN_TOPIC, each.value, key=each.key, headers=each.headers))
    written = await asyncio.gather(*sent)
    return began, [(meta.partition, meta.offset) for meta in written]


async def _watch(live: Live, passed: dict[int, list[tuple[float, int]]]) -> None:
    connection = await asyncpg.connect(live.database)
    try:
        while True:
            for partition, offset in await connection.fetch(_POSITIONS, OWN_TOPIC, live.group):
                seen = passed[partition]
                if not seen or seen[-1][1] < offset:
                    seen.append((time.monotonic(), offset))
            await asyncio.sleep(_POLL_S)
    finally:
        await connection.close()


async def _until_passed(offsets: Offsets, passed: Passed, watching: asyncio.Task[None]) -> None:
    ends = {partition: max(o for p, o in offsets if p == partition) for partition in {p for p, _ in offsets}}
    async with asyncio.timeout(_PATIENCE_S):
        while not all(passed.get(p) and passed[p][-1][1] > end for p, end in ends.items()):
            if watching.done():
                watching.result()
            await asyncio.sleep(_POLL_S)


def _waits(began: float, rate: int, offsets: Offsets, passed: Passed) -> list[float]:
    """Seconds from due to committed, for every event. Within a partition offsets grow with n, so one pass is enough."""
    at: dict[int, int] = defaultdict(int)
    waits = []
    for n, (partition, offset) in enumerate(offsets):
        seen = passed[partition]
        while seen[at[partition]][1] <= offset:
            at[partition] += 1
        waits.append(seen[at[partition]][0] - (began + n / rate))
    return waits


async def _prove(live: Live, load: Sequence[Sent]) -> None:
    async with httpx.AsyncClient(base_url=live.url) as http:
        for each in load[:: max(1, len(load) // _PULLED)]:
            headers = dict(each.headers)
            asked = {"org": ORG, "subject": headers["ce_subject"].decode()}
            found = (await http.post("/v1/pathways/search", json=asked)).raise_for_status().json()["pathway"]
            steps = (await http.get(f"/v1/pathways/{found}")).raise_for_status().json()["steps"]
            if headers["ce_id"].decode() not in {step["id"] for step in steps}:
                raise NotPullable("an event below the position of its partition is not in the pathway")


def _quantile(ordered: Sequence[float], q: float) -> float:
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
