"""The services and the simulator on a real broker: nothing is lost or told twice, and a restart adds nothing."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from pathline import accept
from pathline.codec import kafka as codec
from pathline.kafka import KafkaProducer
from pathline_services import service_runner as running
from pathline_services.reference import SERVICES
from pathline_services.service_runner import EventCounts, run_services
from pathline_services.simulator import Act
from pathline_services.simulator.visit_publisher import publish_acts, simulate_acts

LIVES = 20
ORGS = list(SERVICES)
Records = list[tuple[tuple[str, str], bytes | None]]
"""Identity and data of each record."""


async def until(true: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


def acts_of_a_town() -> list[Act]:
    return list(simulate_acts(7, LIVES, datetime(2026, 11, 24, tzinfo=UTC)))


async def publish_all(kafka: str, acts: list[Act]) -> None:
    async with KafkaProducer(kafka) as out:
        await publish_acts(iter(acts), out, 1e6, lambda _: None, asyncio.Event())


def meant(acts: list[Act]) -> Records:
    return [
        ((each.source, each.id), each.event.data) for act in acts for each in SERVICES[act.org].interactions(act.visit)
    ]


async def read(kafka: str, at_least: int) -> Records:
    """What stands in every organisation's topic: at least so many records, and what else comes within a second."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    found: Records = []
    try:
        consumer.assign([TopicPartition(f"pathline.in.{org}", n) for org in ORGS for n in range(3)])
        await consumer.seek_to_beginning()
        async with asyncio.timeout(30):
            more: Any = True
            while more or len(found) < at_least:
                more = await consumer.getmany(timeout_ms=1000)
                found += [_accepted(record) for records in more.values() for record in records]
    finally:
        await consumer.stop()
    return found


def _accepted(record: Any) -> tuple[tuple[str, str], bytes | None]:
    each = accept(codec.decode(record.headers, record.value))
    assert record.topic == f"pathline.in.{each.org}"
    assert record.key == each.subject.encode()
    return (each.source, each.id), record.value


async def served(kafka: str, work: Callable[[EventCounts], Awaitable[None]]) -> int:
    async with run_services(kafka) as out:
        await work(out)
    return out.sent


async def test_twenty_lives_reach_every_topic_once_and_a_restart_adds_nothing(kafka: str) -> None:
    acts = acts_of_a_town()
    expected = meant(acts)

    async def first(out: EventCounts) -> None:
        await publish_all(kafka, acts)
        await until(lambda: out.sent >= len(expected))

    assert await served(kafka, first) == len(expected)
    records = await read(kafka, len(expected))
    assert sorted(records) == sorted(expected)
    assert len({identity for identity, _ in records}) == len(records)

    extra = acts[:1]

    async def restarted(out: EventCounts) -> None:
        await publish_all(kafka, extra)
        await until(lambda: out.sent >= len(meant(extra)))

    assert await served(kafka, restarted) == len(meant(extra))
    again = await read(kafka, len(expected) + len(meant(extra)))
    assert sorted(again) == sorted(expected + meant(extra))
    assert {identity for identity, _ in again} == {identity for identity, _ in records}


class Flaky:
    """A producer that loses its broker at every seventh record."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.calls, self.failures = inner, 0, 0
        self.delivered: set[str] = set()

    async def send(self, topic: str, **record: Any) -> None:
        self.calls += 1
        if self.calls % 7 == 0:
            self.failures += 1
            raise ConnectionError("the broker is away")
        await self.inner.send(topic, **record)
        self.delivered.add(dict(record["headers"])["ce_id"].decode())


async def test_no_visitor_is_lost_when_publishing_fails_again_and_again(kafka: str, monkeypatch: Any) -> None:
    flaky: list[Flaky] = []

    def counting(inner: Any) -> EventCounts:
        flaky.append(Flaky(inner))
        return EventCounts(flaky[-1])

    monkeypatch.setattr(running, "EventCounts", counting)
    acts = acts_of_a_town()
    wanted = set(meant(acts))

    async def work(out: EventCounts) -> None:
        await publish_all(kafka, acts)
        await until(lambda: flaky[0].delivered == {id_ for (_, id_), _ in wanted})

    await served(kafka, work)
    records = await read(kafka, len(wanted))
    assert flaky[0].failures > 20
    assert set(records) == wanted


async def test_desks_and_topics_are_made_with_partitions(kafka: str) -> None:
    async with run_services(kafka, ["housing"]):
        pass
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        topics = await admin.describe_topics(["desk.housing", "pathline.in.housing"])
    finally:
        await admin.close()
    assert [len(topic["partitions"]) for topic in topics] == [3, 3]


async def test_play_says_what_it_does_without_identifiers_and_stops_on_sigterm(kafka: str) -> None:
    argv = (sys.executable, "-m", "pathline_services.cli", "play", "--kafka", kafka, "--lives", "5", "--rate", "2000")
    process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    try:
        lines: list[str] = []
        async with asyncio.timeout(60):
            while not lines or "all lives are told" not in lines[-1]:
                line = await process.stdout.readline()
                assert line, (await process.stderr.read()).decode()
                lines.append(line.decode())
        os.kill(process.pid, signal.SIGTERM)
        async with asyncio.timeout(20):
            rest, complaints = await process.communicate()
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert "stopped" in rest.decode()
    assert complaints == b""
    assert "v1." not in "".join(lines)
    assert "visit-" not in "".join(lines)
