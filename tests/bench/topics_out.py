"""Subscriptions that write to Kafka: how fast, how soon, and is everything there once and in order?

    PYTHONPATH=tests python -m bench.topics_out [--backlog 60000] [--rate 5000] [--seconds 20] [--topics 10]

A whole gateway beside an Apache Kafka and a Postgres. Three parts, each with topics of its own: a backlog to one topic;
a steady rate to one topic, where an event's delay counts from when it was due to be published; and a backlog that
several topics share, held against how fast intake stored it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from cyclopts import App

from bench.streams_gateway import Running, facts, gateway_running
from bench.streams_judged import quantiles
from bench.streams_load import Load, person
from bench.streams_run import _begun, _publish, _topics

_PATIENCE_S: Final = 180
app = App(name="bench.topics_out", help="Measures subscriptions that write to Kafka.")


class TopicReceipts:
    """What the readers of some topics have, each event with its number and when it came."""

    def __init__(self) -> None:
        self.seen: dict[str, list[tuple[int, int, float]]] = {}
        """By topic: event, number, monotonic seconds."""
        self.count = 0

    async def read(self, kafka: str, topics: Sequence[str]) -> None:
        """Until it is cancelled."""
        consumer = AIOKafkaConsumer(
            *topics, bootstrap_servers=kafka, auto_offset_reset="earliest", isolation_level="read_committed",
            fetch_max_wait_ms=20, max_partition_fetch_bytes=4_194_304,
        )  # fmt: skip
        await consumer.start()
        try:
            while True:
                found = await consumer.getmany(timeout_ms=50)
                now = time.monotonic()
                for at, records in found.items():
                    own = self.seen.setdefault(at.topic, [])
                    for record in records:
                        headers = dict(record.headers)
                        event = int(headers["ce_id"].removeprefix(b"load-"))
                        own.append((event, int(headers["ce_number"]), now))
                    self.count += len(records)
        finally:
            await consumer.stop()

    async def until(self, count: int) -> None:
        """So many came. Raises TimeoutError where none comes for long."""
        async with asyncio.timeout(_PATIENCE_S):
            while self.count < count:
                await asyncio.sleep(0.01)

    def wrong(self, expected: dict[str, range]) -> list[str]:
        """What is wrong with what each topic has; nothing where all is well."""
        found = []
        for topic, events in expected.items():
            own = self.seen.get(topic, [])
            if sorted(event for event, _, _ in own) != list(events):
                found.append(f"{len(own)} records for {len(events)} events")
            if sorted(number for _, number, _ in own) != list(range(1, len(events) + 1)):
                found.append("a gap or a repeat in the numbers")
            last: dict[int, int] = {}
            for event, number, _ in own:
                if number < last.get(person(event), 0):
                    found.append("a pathway in the wrong order")
                    break
                last[person(event)] = number
        return found


@app.default
def main(
    *, backlog: int = 60_000, rate: int = 5_000, seconds: float = 20, topics: int = 10, broker: str = "apache",
    out: Path = Path("build/topics_out.json"),
) -> None:  # fmt: skip
    """Writes the figures and shows them; ends with an error when a topic has not what the oracle says."""
    with tempfile.TemporaryDirectory(prefix="pathline-bench-") as kept:
        found = uvloop.run(measure(Path(kept), backlog, rate, seconds, topics, broker))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))
    if found["wrong"]:
        sys.exit(1)


async def measure(folder: Path, backlog: int, rate: int, seconds: float, topics: int, broker: str) -> dict[str, Any]:
    """The figures of all three parts."""
    load = Load(2 * topics, 1, rate)
    async with gateway_running(folder, False, broker) as gateway, _topics(gateway, load) as producer:
        await _begun(gateway, load, producer)
        async with gateway.http() as http:
            one = await _backlog(gateway, http, producer, load, backlog, 1, 0)
            steady = await _steady(gateway, http, producer, load, backlog, int(rate * seconds))
            shared = await _backlog(gateway, http, producer, load, backlog, topics, backlog + int(rate * seconds))
    wrong = [*one.pop("wrong"), *steady.pop("wrong"), *shared.pop("wrong")]
    return {"broker": broker, "one_topic": one, "steady": steady, "shared": shared, "wrong": wrong}


async def _backlog(
    gateway: Running,
    http: httpx.AsyncClient,
    producer: AIOKafkaProducer,
    load: Load,
    events: int,
    topics: int,
    first: int,
) -> dict[str, Any]:
    """All is stored and numbered while the subscriptions are paused; then they are resumed together."""
    made = [await _subscribe(http, _wanted(load, n, topics)) for n in range(topics)]
    for id, _ in made:
        (await http.post(f"/v1/subscriptions/{id}/pause")).raise_for_status()
    fast = Load(load.listeners, load.sinks, 200_000)
    began = time.monotonic()
    await _publish(producer, fast, first, first + events)
    stored_at = await _until_stored(http, first + events)
    while sum([await _given(http, id) for id, _ in made]) < events:
        await asyncio.sleep(0.1)
    async with _read(gateway, [topic for _, topic in made]) as receipts:
        resumed, before = time.monotonic(), facts(gateway, os.getpid())
        for id, _ in made:
            (await http.post(f"/v1/subscriptions/{id}/resume")).raise_for_status()
        await receipts.until(events)
        took, after = time.monotonic() - resumed, facts(gateway, os.getpid())
        await asyncio.sleep(0.3)
    expected = {topic: _expected(n, topics, first, events) for n, (_, topic) in enumerate(made)}
    await _end(http, made)
    return {
        "topics": topics,
        "events": events,
        "delivered_per_s": round(events / took),
        "stored_per_s": round(events / (stored_at - began)),
        "processor_us_per_event": {
            name: round((after[name] - before[name]) * 1e6 / events, 1) for name in ("gateway", "postgres", "broker")
        },
        "load_average": os.getloadavg()[0],
        "wrong": receipts.wrong(expected),
    }


async def _steady(
    gateway: Running, http: httpx.AsyncClient, producer: AIOKafkaProducer, load: Load, first: int, events: int
) -> dict[str, Any]:
    """Published at an even pace, and read as it comes."""
    made = [await _subscribe(http, [])]
    async with _read(gateway, [made[0][1]]) as receipts:
        began = await _publish(producer, load, first, first + events)
        await receipts.until(events)
        await asyncio.sleep(0.3)
    delays = [at - (began + (event - first) / load.rate) for event, _, at in receipts.seen[made[0][1]]]
    expected = {made[0][1]: range(first, first + events)}
    await _end(http, made)
    return {"rate": load.rate, "events": events, "delay_ms": quantiles(delays), "wrong": receipts.wrong(expected)}


def _wanted(load: Load, n: int, topics: int) -> Sequence[dict[str, Any]]:
    """One event of so many, for each of them; everything for one alone."""
    return [] if topics == 1 else [{"exact": {"activity": f"activity-{n % load.activities}"}}]


def _expected(n: int, topics: int, first: int, events: int) -> range:
    return range(first + (n - first) % topics, first + events, topics)


async def _subscribe(http: httpx.AsyncClient, filters: Sequence[dict[str, Any]]) -> tuple[str, str]:
    config = {"organisation": "bench-agency-0", "purpose": "care"}
    answer = await http.post("/v1/subscriptions", json={"protocol": "KAFKA", "config": config, "filters": filters})
    answer.raise_for_status()
    id, topic = answer.json()["id"], answer.json()["config"]["topic"]
    while (await http.get(f"/v1/subscriptions/{id}/status")).json()["state"] != "active":
        await asyncio.sleep(0.05)
    return id, topic


async def _end(http: httpx.AsyncClient, made: Sequence[tuple[str, str]]) -> None:
    for id, _ in made:
        (await http.delete(f"/v1/subscriptions/{id}")).raise_for_status()


async def _given(http: httpx.AsyncClient, id: str) -> int:
    return int((await http.get(f"/v1/subscriptions/{id}")).json()["count"])


async def _until_stored(http: httpx.AsyncClient, events: int) -> float:
    """When so many are stored, besides the one by which the topic was found."""
    async with asyncio.timeout(_PATIENCE_S):
        while (await http.get("/v1/status")).json()["interactions"] < events + 1:
            await asyncio.sleep(0.05)
    return time.monotonic()


@asynccontextmanager
async def _read(gateway: Running, topics: Sequence[str]) -> AsyncIterator[TopicReceipts]:
    """They are read as long as the block lasts."""
    receipts = TopicReceipts()
    task = asyncio.create_task(receipts.read(gateway.kafka, topics))
    await asyncio.sleep(1.0)
    try:
        yield receipts
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    app()
