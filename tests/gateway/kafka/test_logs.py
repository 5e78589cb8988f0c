"""Logs that are not what they were: replaced, expired, transactional, new; and a database that is not what it was."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import asyncpg
import pytest

from gateway.kafka.topic import Topic
from pathline_gateway.intake import service as intake_service
from pathline_gateway.runtime.gateway import Gateway, run_gateway
from pathline_gateway.settings import Settings
from support.brokers.apache_kafka import ApacheKafka
from support.postgres.databases import Databases

PATIENCE_S = 40.0


SESSION_MS = 6_000
"""Kafka refuses less."""
TANSU_SESSION_MS = 1_000
"""Tansu waits so long even for a member that has left."""


@pytest.fixture(autouse=True)
def quick_to_notice(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Logs are looked at every half second, not every thirty seconds; and Tansu has a session timeout of its own."""
    if "tansu" in request.node.name:
        monkeypatch.setattr(sys.modules[__name__], "SESSION_MS", TANSU_SESSION_MS)
    monkeypatch.setattr(intake_service, "_AUDIT_EVERY_S", 0.5)


@pytest.fixture
def org() -> str:
    return f"org-{secrets.token_hex(4)}"


def settings(bootstrap: str, database: str, group: str) -> Settings:
    return Settings(kafka=bootstrap, database=database, group=group, dev_auth="off", session_timeout_ms=SESSION_MS)


@asynccontextmanager
async def gateway(bootstrap: str, database: str, group: str) -> AsyncIterator[Gateway]:
    async with run_gateway(settings(bootstrap, database, group)) as started:
        await started.intake.wait_assigned()
        yield started


async def until(holds: Callable[[], Awaitable[object]], what: str, seconds: float = PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.05)


async def ask(database: str, query: str, *given: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database)
    try:
        return list(await connection.fetch(query, *given))
    finally:
        await connection.close()


async def accepted(database: str, org: str) -> list[int]:
    """The ids of what is stored of this organisation, each as often as it is."""
    rows = await ask(database, "select i.id from interaction i join source s on s.id = i.source where s.org = $1", org)
    return sorted(int(row["id"]) for row in rows)


def has(database: str, org: str, ids: range) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return set(await accepted(database, org)) >= set(ids)

    return holds


@pytest.mark.parametrize(
    ("again", "running"),
    [
        pytest.param(3, True, id="with fewer-while intake runs"),
        pytest.param(60, False, id="with more-while it is stopped"),
        pytest.param(3, False, id="with fewer-while it is stopped", marks=pytest.mark.long),
        pytest.param(20, True, id="with as many-while intake runs", marks=pytest.mark.long),
        pytest.param(20, False, id="with as many-while it is stopped", marks=pytest.mark.long),
        pytest.param(60, True, id="with more-while intake runs", marks=pytest.mark.long),
    ],
)
async def test_a_topic_that_was_made_again_is_read_whole(
    bootstrap: str, database: str, org: str, again: int, running: bool
) -> None:
    topic = Topic(bootstrap, org)
    await topic.make()
    await topic.publish(range(20))

    async def made_again() -> None:
        await topic.delete()
        await topic.make()
        await topic.publish(range(100, 100 + again))

    async with gateway(bootstrap, database, org):
        await until(has(database, org, range(20)), "the first log is read")
        if running:
            await made_again()
            await until(has(database, org, range(100, 100 + again)), "the second log is read")
    if not running:
        await made_again()
        async with gateway(bootstrap, database, org):
            await until(has(database, org, range(100, 100 + again)), "the second log is read")
    assert await accepted(database, org) == [*range(20), *range(100, 100 + again)]
    # Other tests have topics on the same broker, and records there that nobody takes.
    parked = await ask(database, "select reason, detail from parked where topic = $1", topic.name)
    assert [dict(row) for row in parked] == []


async def test_records_that_expired_unread_are_said_and_the_rest_is_read(
    kafka: ApacheKafka, database: str, org: str
) -> None:
    topic = Topic(kafka.bootstrap, org)
    await topic.make()
    await topic.publish(range(10))
    async with gateway(topic.bootstrap, database, org):
        await until(has(database, org, range(10)), "the first are read")
    await topic.publish(range(10, 30))
    await topic.expire(17)
    async with gateway(topic.bootstrap, database, org):
        await until(has(database, org, range(17, 30)), "the rest is read")
        await topic.publish(range(30, 35))
        await until(has(database, org, range(30, 35)), "what comes after that, too")
    assert await accepted(database, org) == [*range(10), *range(17, 35)]
    said = await ask(database, "select topic, from_offset, to_offset from expired_records")
    assert [tuple(row) for row in said] == [(topic.name, 10, 17)]


async def test_a_database_from_a_backup_is_filled_again_though_the_group_has_committed_more(
    bootstrap: str, postgres: Databases, database: str, org: str
) -> None:
    topic = Topic(bootstrap, org)
    await topic.make()
    await topic.publish(range(10))
    async with gateway(bootstrap, database, org):
        await until(has(database, org, range(10)), "the first are read")
    backup = await postgres.copy_of(database.split("/", 3)[3].split("?")[0])
    await topic.publish(range(10, 40))
    async with gateway(bootstrap, database, org):
        await until(has(database, org, range(40)), "all are read")
    async with gateway(bootstrap, backup, org):
        await until(has(backup, org, range(40)), "all are read again")
        await topic.publish(range(40, 45))
        await until(has(backup, org, range(45)), "and what comes after")
    assert await accepted(backup, org) == list(range(45))
    assert [row["reason"] for row in await ask(backup, "select reason from log_epoch order by id")] == ["first start"]


async def test_of_transactions_exactly_what_was_committed_is_stored_and_nothing_seems_to_wait(
    kafka: ApacheKafka, database: str, org: str
) -> None:
    topic = Topic(kafka.bootstrap, org)
    await topic.make()
    await topic.transact(range(5), commit=True)
    await topic.transact(range(5, 10), commit=False)
    async with gateway(topic.bootstrap, database, org) as running:
        await until(has(database, org, range(5)), "the first transaction is read")
        await topic.transact(range(10, 15), commit=True)
        await until(has(database, org, range(10, 15)), "the third transaction is read")
        await topic.transact(range(15, 20), commit=False)
        await topic.publish(range(20, 21))
        await until(has(database, org, range(20, 21)), "what came after that is read")
        await topic.transact(range(21, 25), commit=True)
        await until(has(database, org, range(21, 25)), "the last transaction is read")

        async def no_lag() -> bool:
            await running.intake.survey()
            return not any(running.progress.lag().values())

        await until(no_lag, "nothing waits", 15)
        assert running.intake.readiness_problem() is None
    assert await accepted(database, org) == [*range(5), *range(10, 15), *range(20, 25)]
    async with gateway(topic.bootstrap, database, org):
        await topic.publish(range(25, 26))
        await until(has(database, org, range(25, 26)), "it goes on after a restart")
    assert (await ask(database, "select count(*) as n from log_epoch"))[0]["n"] == 1


async def test_a_new_organisation_s_topic_makes_nobody_wait_long(
    kafka: ApacheKafka, database: str, org: str, capsys: pytest.CaptureFixture[str]
) -> None:
    streaming, joining = Topic(kafka.bootstrap, org), Topic(kafka.bootstrap, f"{org}-new")
    await streaming.make()
    await streaming.publish(range(1))
    acknowledged: dict[int, float] = {}
    applied: dict[int, float] = {}
    stop = asyncio.Event()

    async def stream() -> None:
        for n in count(1):
            if stop.is_set():
                return
            await streaming.publish([n])
            acknowledged[n] = time.monotonic()

    async def watch(publisher: asyncio.Task[None]) -> None:
        # `stop` may be set while a record is on its way: only once nobody publishes is it known how many there are.
        connection = await asyncpg.connect(database)
        while not publisher.done() or len(applied) < len(acknowledged):
            at = await connection.fetchval("select next_offset from consumer_position where topic = $1", streaming.name)
            for n in range(len(applied) + 1, at or 0):
                applied[n] = time.monotonic()
            await asyncio.sleep(0.02)
        await connection.close()

    async with gateway(kafka.bootstrap, database, org):
        await until(has(database, org, range(1)), "intake reads")
        publisher = asyncio.create_task(stream())
        both = asyncio.gather(publisher, watch(publisher))
        await until(lambda: asyncio.sleep(0, len(applied) > 20), "the stream flows")
        await joining.make()
        await joining.publish(range(5))
        await until(has(database, joining.org, range(5)), "the new organisation is read")
        flowed = len(applied)
        await until(lambda: asyncio.sleep(0, len(applied) > flowed + 20), "the stream flows again")
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await both
    longest = max(applied[n] - acknowledged[n] for n in acknowledged)
    with capsys.disabled():
        print(f"\nlongest wait of a record while an organisation joined: {longest:.2f} s")
    assert longest < 5
