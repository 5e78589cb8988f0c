"""One run of streams under load: a gateway, its subscriptions, a paced publisher, and what each receiver had."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.partitioner import DefaultPartitioner

from bench.events import Sent
from bench.streams_gateway import USERS, Running, facts, gateway_running
from bench.streams_judged import judged
from bench.streams_load import Load, Receiver
from bench.topic import producer
from pathline.producer import TOPIC_PREFIX
from pathline_gateway.auth.caller import Role
from support.repository import TESTS

_PATIENCE_S: Final = 120
_TICK_S: Final = 0.01
_AT_MOST: Final = 200
"""Events of one tick: as many surely fit into a batch, even where all have one key."""
_WARM_S: Final = 2.0
_PARTITIONS: Final = 4
_PARTITION_OF: Final = DefaultPartitioner()


class Lost(Exception):
    """Something did not start, or what is awaited does not come."""


@dataclass(frozen=True)
class Subscribed:
    """A receiver, and its subscription."""

    receiver: Receiver
    id: str
    fate: str
    """healthy, slow or dead."""


async def run(load: Load, seconds: float, folder: Path, *, auth: bool, broker: str) -> dict[str, Any]:
    """What was measured, and `wrong`: whoever has not what the oracle says."""
    async with (
        gateway_running(folder, auth, broker) as gateway,
        _receivers(load.sinks) as told,
        _topics(gateway, load) as out,
    ):
        await _begun(gateway, load, out)
        subscribed = await _subscribed(gateway, load, (await _said(told))["ports"])
        _tell(told, _who_listens(gateway, subscribed))
        await _said(told)
        await _publish(out, load, -int(load.rate * _WARM_S), 0)
        before, events, loads = facts(gateway, told.pid), int(load.rate * seconds), [os.getloadavg()[0]]
        began = await _publish(out, load, 0, events)
        published, after = time.monotonic() - began, facts(gateway, told.pid)
        loads.append(os.getloadavg()[0])
        await _until_received(
            told, sum(len(each.receiver.expected(events)) for each in subscribed if each.fate != "dead")
        )
        done = facts(gateway, told.pid)
        _tell(told, {"write": str(folder / "receipts.json")})
        reconnections = (await _said(told))["reconnections"]
        statuses = await _statuses(gateway, subscribed)
    receipts = json.loads((folder / "receipts.json").read_text())
    found = judged(load, subscribed, receipts, statuses, events, began)
    return {
        "broker": broker,
        "listeners": load.listeners,
        "sinks": load.sinks,
        "events_per_s": round(events / published),
        "seconds": round(published, 1),
        **found,
        "reconnections": reconnections,
        "rss_mb_before": before["rss"],
        "rss_mb_after": after["rss"],
        "rss_mb_peak": done["peak"],
        "cores_had": {name: round((after[name] - before[name]) / published, 2) for name in USERS},
        "cores_needed": {name: round((done[name] - before[name]) * load.rate / events, 2) for name in USERS},
        "load_average": [round(each, 2) for each in loads],
        "cpus": os.cpu_count(),
    }


@asynccontextmanager
async def _receivers(sinks: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process of all receivers."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.streams_receivers",
        str(sinks),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _said(told: asyncio.subprocess.Process) -> dict[str, Any]:
    assert told.stdout is not None
    line = await asyncio.wait_for(told.stdout.readline(), _PATIENCE_S)
    if not line:
        raise Lost("the receivers ended")
    return dict(json.loads(line))


def _tell(told: asyncio.subprocess.Process, what: Mapping[str, Any]) -> None:
    assert told.stdin is not None
    told.stdin.write(json.dumps(what).encode() + b"\n")


@asynccontextmanager
async def _topics(gateway: Running, load: Load) -> AsyncIterator[AIOKafkaProducer]:
    """Each organisation's own topic is there and registered, and there is a producer."""
    orgs = [load.org(n) for n in range(load.orgs)]
    admin = AIOKafkaAdminClient(bootstrap_servers=gateway.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(f"{TOPIC_PREFIX}{org}", _PARTITIONS, 1) for org in orgs])
    await admin.close()
    async with gateway.http() as http:
        for org in orgs:
            (await http.post("/v1/organisations", json={"org": org, "name": org})).raise_for_status()
    async with producer(gateway.kafka) as out:
        yield out


async def _begun(gateway: Running, load: Load, out: AIOKafkaProducer) -> None:
    """Every organisation's topic is read."""
    for n in range(load.orgs):
        await _send(out, load, -1 - n)
    async with gateway.http() as http, asyncio.timeout(_PATIENCE_S):
        while (await http.get("/v1/status")).json()["interactions"] < load.orgs:
            await asyncio.sleep(0.1)


async def _subscribed(gateway: Running, load: Load, ports: Sequence[int]) -> list[Subscribed]:
    """All of them, a few at a time."""
    made = []
    for org in sorted({each.org for each in load.receivers()}):
        async with gateway.http(Role.SUBSCRIBER, org) as http:
            some = [each for each in load.receivers() if each.org == org]
            for n in range(0, len(some), 8):
                made += await asyncio.gather(*(_subscribe(http, each, ports) for each in some[n : n + 8]))
    order = {receiver: n for n, receiver in enumerate(load.receivers())}
    return sorted(made, key=lambda each: order[each.receiver])


async def _subscribe(http: httpx.AsyncClient, receiver: Receiver, ports: Sequence[int]) -> Subscribed:
    config = {"organisation": receiver.org, "purpose": "care"}
    wanted: dict[str, Any] = {"protocol": receiver.protocol, "config": config, "filters": receiver.filters}
    fate = "healthy"
    if receiver.protocol == "HTTP":
        wanted["sink"] = f"http://127.0.0.1:{ports[receiver.index]}/"
        fate = ("slow", "dead")[receiver.index % 10] if receiver.index % 10 < 2 else "healthy"
    answer = await http.post("/v1/subscriptions", json=wanted)
    if answer.status_code != 201:
        raise Lost(f"no subscription: {answer.status_code} {answer.text[:300]}")
    return Subscribed(receiver, answer.json()["id"], fate)


def _who_listens(gateway: Running, subscribed: Sequence[Subscribed]) -> dict[str, Any]:
    """What receivers are told. Every other dead sink refuses connections, and the others never answer."""
    heard = [each for each in subscribed if each.receiver.protocol == "SSE"]
    slow, dead = ([e.receiver.index for e in subscribed if e.fate == fate] for fate in ("slow", "dead"))
    said = {org: _lines(gateway.headers(Role.SUBSCRIBER, org)) for org in {each.receiver.org for each in heard}}
    listen = [(f"/v1/subscriptions/{each.id}/stream", said[each.receiver.org]) for each in heard]
    return {"listen": listen, "port": gateway.port, "slow": slow, "refuse": dead[::2], "hang": dead[1::2]}


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


async def _publish(out: AIOKafkaProducer, load: Load, first: int, end: int) -> float:
    """When it began: event n was due so much later as the rate says."""
    # Composed before, and handed over by the batch: the publisher is to take nothing from those that are measured.
    due = [_Due(load.event(n), f"{TOPIC_PREFIX}{load.org(n)}") for n in range(first, end)]
    began, next_one = time.monotonic() + 0.05, 0
    sent: list[asyncio.Future[object]] = []
    while next_one < len(due):
        await asyncio.sleep(_TICK_S)
        by_now = max(0, int((time.monotonic() - began) * load.rate) + 1)
        some = due[next_one : min(by_now, next_one + _AT_MOST)]
        sent += await _sent(out, some)
        next_one += len(some)
    await asyncio.gather(*sent)
    return began


class _Due:
    """An event, and the partition that its key belongs to."""

    def __init__(self, event: Sent, topic: str) -> None:
        self.event = event
        self.to = topic, _PARTITION_OF(event.key, list(range(_PARTITIONS)), list(range(_PARTITIONS)))


async def _sent(out: AIOKafkaProducer, some: Iterable[_Due]) -> list[asyncio.Future[object]]:
    """They are on their way, one batch to each partition."""
    by: defaultdict[tuple[str, int], list[Sent]] = defaultdict(list)
    for each in some:
        by[each.to].append(each.event)
    sent: list[asyncio.Future[object]] = []
    for (topic, partition), events in by.items():
        batch = out.create_batch()
        for event in events:
            if batch.append(key=event.key, value=event.value, timestamp=None, headers=event.headers) is None:
                raise Lost("a tick's events are more than a batch holds")
        batch.close()
        sent.append(await out.send_batch(batch, topic, partition=partition))
    return sent


async def _send(out: AIOKafkaProducer, load: Load, n: int) -> asyncio.Future[object]:
    event = load.event(n)
    topic = f"{TOPIC_PREFIX}{load.org(n)}"
    future: asyncio.Future[object] = await out.send(topic, event.value, key=event.key, headers=event.headers)
    return future


async def _until_received(told: asyncio.subprocess.Process, expected: int) -> None:
    """So many came, or nothing more does for a while."""
    seen, last = -1, time.monotonic()
    while seen < expected and time.monotonic() < last + 20:
        _tell(told, {"count": True})
        if (now := (await _said(told))["count"]) != seen:
            seen, last = now, time.monotonic()
        await asyncio.sleep(0.5)


async def _statuses(gateway: Running, subscribed: Sequence[Subscribed]) -> dict[str, Mapping[str, Any]]:
    """`…/status` of every sink, by subscription."""
    found = {}
    for each in subscribed:
        if each.receiver.protocol == "HTTP":
            async with gateway.http(Role.SUBSCRIBER, each.receiver.org) as http:
                found[each.id] = (await http.get(f"/v1/subscriptions/{each.id}/status")).raise_for_status().json()
    return found
