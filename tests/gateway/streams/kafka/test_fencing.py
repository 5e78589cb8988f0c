"""Whoever begins to write a series fences whoever wrote it before; whatever dies when, a reader has each event once."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from uuid import UUID, uuid4

import pytest
from aiokafka.errors import KafkaError, ProducerFenced

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.kafka.broker_capabilities import Capabilities, probe_broker
from pathline_gateway.settings import Settings
from pathline_gateway.streams.kafka import topic_admin
from pathline_gateway.streams.kafka.out_broker import OutBroker
from pathline_gateway.streams.kafka.record import OutRecord
from pathline_gateway.streams.kafka.topic_names import topic_name
from pathline_gateway.streams.kafka.topic_producer import TopicProducer, open_producer
from pathline_gateway.streams.kafka.write_range import BrokerPosition
from support.brokers.apache_kafka import ApacheKafka
from support.gateways.routes import GatewayRoutes
from support.gateways.subscriptions import CLINIC
from support.gateways.topic_workers import TopicReader, numbers, run_topic_workers, second_policy, subscribe_by_topic
from support.gateways.webhook_workers import until
from support.intake.history import step


@pytest.fixture
async def out(kafka: ApacheKafka) -> OutBroker:
    return OutBroker(Settings(kafka=kafka.bootstrap, dev_auth="off"), await capable(kafka))


async def capable(kafka: ApacheKafka) -> Capabilities:
    found = await probe_broker({"bootstrap_servers": kafka.bootstrap})
    assert found.transactions
    return found


def records(first: int, through: int) -> list[OutRecord]:
    names = [("ce_specversion", b"1.0"), ("ce_id", b"e"), ("ce_source", b"urn:s"), ("ce_type", b"t")]
    return [
        OutRecord(n, str(n % 5).encode(), b"", [*names, ("ce_number", str(n).encode())])
        for n in range(first, through + 1)
    ]


async def opened(out: OutBroker, series: UUID) -> TopicProducer:
    return await open_producer(out, topic_name(series), series, topic_admin.DEFAULT_MAX_MESSAGE_BYTES)


async def written(out: OutBroker, series: UUID) -> list[int]:
    async with TopicReader(out.options, topic_name(series)) as topic:
        return numbers(await topic.drain())


async def test_a_writer_that_wakes_writes_nothing_more_and_what_it_had_begun_is_gone(out: OutBroker) -> None:
    series = uuid4()
    await topic_admin.ensure_topic(out, topic_name(series), 3, 1)
    zombie = await opened(out, series)
    assert zombie.position is None
    await zombie.write(records(1, 10), BrokerPosition(10, "a"))
    await zombie._client.begin_transaction()
    await zombie._send(records(11, 20))  # and then it stops, before the commit
    heir = await opened(out, series)
    assert heir.position == (10, "a")
    await heir.write(records(11, 15), BrokerPosition(15, "b"))
    for late in (zombie._client.commit_transaction(), zombie.write(records(16, 20), BrokerPosition(20, "c"))):
        with pytest.raises((ProducerFenced, KafkaError, AssertionError)):
            await late
    await zombie.close()
    await heir.write(records(16, 16), BrokerPosition(16, "d"))
    await heir.close()
    last = await opened(out, series)
    assert last.position == (16, "d")
    await last.close()
    found = await written(out, series)
    assert sorted(found) == list(range(1, 17))


async def test_of_a_write_that_was_cut_off_all_or_nothing_is_there_and_the_position_says_which(out: OutBroker) -> None:
    series, random, position = uuid4(), Random(5), 0
    await topic_admin.ensure_topic(out, topic_name(series), 3, 1)
    for _ in range(12):
        writer = await opened(out, series)
        position = 0 if writer.position is None else writer.position.number
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(random.uniform(0.001, 0.06)):
                while True:
                    await writer.write(records(position + 1, position + 7), BrokerPosition(position + 7, ""))
                    position += 7
        await writer.close()
    last = await opened(out, series)
    assert last.position is not None
    await last.close()
    found = await written(out, series)
    assert sorted(found) == list(range(1, last.position.number + 1))
    for key in range(5):
        own = [number for number in found if number % 5 == key]
        assert own == sorted(own)


@pytest.mark.parametrize("transactions", ["on", "off"])
async def test_gateways_that_lose_their_leases_and_die_leave_each_event_once_or_again_under_its_number(
    gateway: GatewayRoutes, kafka: ApacheKafka, transactions: str
) -> None:
    settings = Settings(kafka=kafka.bootstrap, dev_auth="off", kafka_out_transactions=transactions)  # type: ignore[arg-type]
    policy, found, random = second_policy(batch_size=7, lease_s=3), await capable(kafka), Random(11)
    made = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
    await gateway.publish(*(step("clinic", f"c{n}", n % 6, n) for n in range(300)))
    await gateway.dispatch()
    async with run_topic_workers(gateway, settings, policy, found) as one:
        await until(gateway, made["id"], state="active")
        for _ in range(8):
            # Another one takes over while this one writes on; then one of them dies in the middle of a write.
            await asyncio.sleep(random.uniform(0.02, 0.2))
            await gateway.execute("update kafka_sink set leased_by = null, not_before = 'epoch'")
            async with run_topic_workers(gateway, settings, policy, found) as other:
                await asyncio.sleep(random.uniform(0.05, 0.4))
                for worker, task in other.pools[0]._workers.values():
                    assert worker.series == UUID(made["id"])
                    task.cancel()
            await gateway.execute("update kafka_sink set not_before = 'epoch'")
        assert one.pools
        await until(gateway, made["id"], seconds=60, delivered=300)
    async with TopicReader({"bootstrap_servers": kafka.bootstrap}, made["config"]["topic"]) as topic:
        events = await topic.drain()
    if transactions == "on":
        assert sorted(numbers(events)) == list(range(1, 301))
    assert set(numbers(events)) == set(range(1, 301))
    for pathway in {event["pathway"] for event in events}:
        first_seen = list(dict.fromkeys(numbers([event for event in events if event["pathway"] == pathway])))
        assert first_seen == sorted(first_seen)
