"""What intake, door and producers rely on, proved on every broker; what one cannot is in `broker_table`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import TopicAlreadyExistsError
from aiokafka.structs import OffsetAndMetadata

from gateway.kafka.broker_table import PROVED, TABLE, can, on_every_broker
from pathline_gateway.kafka.broker_capabilities import probe_broker
from support.brokers.apache_kafka import ApacheKafka
from support.brokers.kafka_or_not import require_kafka
from support.brokers.mock_cluster import MockCluster
from support.brokers.tansu import Tansu
from support.brokers.topic_ids import topic_id
from support.brokers.topics import READ_WITHIN, Sent, Topics, as_sent, numbered, taken

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOUND_WITHIN_S = 5.0
"""A new organisation's topic stalls nobody for longer."""

TOLD_WITHIN_S = 6.0
"""A reader whose position is no longer there is told by its next fetch; it may have to reconnect first."""

REAL = ("tansu", "kafka")
"""Those that run as a process, which can end, and that have groups: the mock cluster's rebalances end by chance."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Topics]:
    place = tmp_path_factory.mktemp("broker")
    async with AsyncExitStack() as stack:
        match request.param:
            case "tansu":
                yield Topics("tansu", await stack.enter_async_context(Tansu(place)), session_timeout_ms=1_000)
            case "mock":
                yield Topics("mock", await stack.enter_async_context(MockCluster()))
            case "kafka":
                yield Topics("kafka", stack.enter_context(ApacheKafka(place, installation=require_kafka())))


async def until(holds: Callable[[], bool], seconds: float = READ_WITHIN) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


@on_every_broker("topics are made on request")
async def test_a_topic_is_made_once_with_the_partitions_that_were_asked_for(broker: Topics) -> None:
    topic = f"conformance.{broker.name}.made"
    await broker.make(topic, 3)
    assert await broker.partitions(topic) == [0, 1, 2]
    with pytest.raises(TopicAlreadyExistsError):
        await broker.make(topic, 2)


@on_every_broker("a mistyped topic is not made")
async def test_a_mistyped_topic_is_not_made(broker: Topics) -> None:
    async with broker.administrator() as admin:
        (described,) = await admin.describe_topics(["conformance.mistyped"])
        assert described["error_code"] == 3
        assert "conformance.mistyped" not in await admin.list_topics()


STRANGE = (
    Sent(b"plain", b"key", (("ce_id", b"1"), ("ce_source", b"urn:pathline:shelter:desk"))),
    Sent(None, b"tombstone", (("ce_type", b"gone"),)),
    Sent(b"", b"", (("empty", b""),)),
    Sent(b"no key and no header"),
    Sent(b"\xff\x00\xfe", b"\x80\x81", (("not-utf-8", b"\xff\xfe\x00\xc3\x28"), ("twice", b"1"), ("twice", b"2"))),
    Sent("żółć".encode(), "ключ".encode(), (("ключ", "żółć".encode()),), timestamp=1),
    Sent(b"x" * 200_000, b"large", tuple((f"h{n}", b"v" * n) for n in range(100)), timestamp=1_700_000_000_123),
)


@on_every_broker("records come back as they were sent")
async def test_records_come_back_as_they_were_sent(broker: Topics) -> None:
    topic = await broker.topic()
    await broker.send(topic, STRANGE)
    found = await broker.read(topic, len(STRANGE))
    assert [as_sent(record) for record in found] == list(STRANGE)
    assert [record.offset for record in found] == list(range(len(STRANGE)))


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
@on_every_broker("every codec of batches")
async def test_a_batch_of_every_codec_comes_back(broker: Topics, codec: str) -> None:
    topic = await broker.topic()
    sent = [*STRANGE, *(Sent(b'{"kind":"enquiry"}' * 20, b"%d" % n) for n in range(100))]
    await broker.send(topic, sent, compression_type=codec)
    assert [as_sent(record) for record in await broker.read(topic, len(sent))] == sent


@on_every_broker("a key keeps its order")
async def test_records_of_a_key_stay_in_one_partition_and_in_order(broker: Topics) -> None:
    topic = await broker.topic(3)
    async with broker.producer() as producer:
        sent = [(b"%d" % (n % 17), b"%d" % n) for n in range(1_000)]
        await asyncio.gather(*[await producer.send(topic, value, key=key) for key, value in sent])
    found = await broker.read(topic, len(sent), range(3))
    assert Counter(record.value for record in found) == Counter(value for _, value in sent)
    for key in {key for key, _ in sent}:
        mine = [record for record in found if record.key == key]
        assert len({record.partition for record in mine}) == 1
        assert [record.value for record in mine] == [value for k, value in sent if k == key]


@on_every_broker("the fetch response tells the end")
async def test_the_fetch_response_tells_the_end_of_the_log(broker: Topics) -> None:
    topic = await broker.topic()
    await broker.send(topic, numbered(10))
    await broker.send(topic, numbered(7))
    async with broker.reader(topic) as consumer:
        await taken(consumer, 17)
        assert consumer.highwater(TopicPartition(topic, 0)) == 17


@on_every_broker("ListOffsets tells the end")
async def test_list_offsets_tells_the_end_of_the_log_also_after_a_batch(broker: Topics) -> None:
    topic = await broker.topic()
    await broker.send(topic, numbered(10))
    tp = TopicPartition(topic, 0)
    async with broker.reader(topic) as consumer:
        assert await consumer.beginning_offsets([tp]) == {tp: 0}
        assert await consumer.end_offsets([tp]) == {tp: 10}


@on_every_broker("an offset is found by its time")
async def test_an_offset_is_found_by_its_time(broker: Topics) -> None:
    topic = await broker.topic()
    for n in range(3):
        await broker.send(topic, [Sent(b"%d" % n, timestamp=1_764_000_000_000 + n * 1_000)])
    tp = TopicPartition(topic, 0)
    async with broker.reader(topic) as consumer:
        found = (await consumer.offsets_for_times({tp: 1_764_000_000_500}))[tp]
        assert found is not None
        assert found.offset == 1


@on_every_broker("any offset can be read again")
async def test_a_consumer_reads_again_from_any_offset(broker: Topics) -> None:
    topic = await broker.topic()
    await broker.send(topic, numbered(50))
    async with broker.reader(topic) as consumer:
        await taken(consumer, 50)
        for offset in (49, 20, 0):
            consumer.seek(TopicPartition(topic, 0), offset)
            again = await taken(consumer, 50 - offset)
            assert [record.offset for record in again] == list(range(offset, 50))


@on_every_broker("a group keeps its offsets", of=REAL)
async def test_a_group_keeps_exactly_the_offsets_that_were_committed(broker: Topics) -> None:
    topic = await broker.topic()
    await broker.send(topic, numbered(10))
    tp, group = TopicPartition(topic, 0), f"group-{topic}"
    async with broker.consumer(group_id=group) as first:
        first.subscribe([topic])
        await taken(first, 10)
        await first.commit({tp: OffsetAndMetadata(4, "")})
    async with broker.consumer(group_id=group) as second:
        second.subscribe([topic])
        assert [record.offset for record in await taken(second, 6)] == list(range(4, 10))
        assert await second.committed(tp) == 4


@on_every_broker("a pattern finds a new topic", of=REAL)
async def test_a_pattern_finds_a_new_topic_within_five_seconds(broker: Topics) -> None:
    first = await broker.topic()
    await broker.send(first, numbered(1))
    async with broker.consumer(group_id=f"group-{first}") as consumer:
        consumer.subscribe(pattern=f"^{first}(-new)?$".replace(".", r"\."))
        assert [record.topic for record in await taken(consumer, 1)] == [first]
        await broker.topic(2, f"{first}-new")
        new = {TopicPartition(f"{first}-new", n) for n in range(2)}
        await until(lambda: new <= consumer.assignment(), FOUND_WITHIN_S)
        await broker.send(f"{first}-new", numbered(1))
        # Nothing was committed, so the rebalance brings the first record again.
        assert {record.topic for record in await taken(consumer, 2)} == {first, f"{first}-new"}


class Member:
    """One of a group: takes what it is given, and commits it."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, taken: Counter[tuple[int, int]]) -> None:
        self.consumer = consumer
        self.taken = taken
        self.own = 0
        consumer.subscribe([topic])

    def has(self) -> set[int]:
        """Its partitions."""
        return {tp.partition for tp in self.consumer.assignment()}

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            for tp, records in (await self.consumer.getmany(timeout_ms=50)).items():
                self.taken.update((record.partition, record.offset) for record in records)
                self.own += len(records)
                await self.consumer.commit({tp: OffsetAndMetadata(records[-1].offset + 1, "")})


@on_every_broker("two members share without loss", of=REAL)
async def test_a_member_that_joins_and_leaves_loses_and_doubles_nothing(broker: Topics) -> None:
    topic = await broker.topic(4)
    everything, group = {0, 1, 2, 3}, f"group-{topic}"
    seen: Counter[tuple[int, int]] = Counter()

    async def published(upto: int) -> None:
        await broker.send(topic, [record for partition in everything for record in numbered(50, partition)])
        await until(lambda: len(seen) >= 4 * upto)
        assert seen == Counter((partition, offset) for partition in everything for offset in range(upto))

    async with asyncio.TaskGroup() as tasks, broker.consumer(group_id=group) as one:
        first = Member(one, topic, seen)
        running = tasks.create_task(first.run())
        await until(lambda: first.has() == everything)
        await published(50)
        async with broker.consumer(group_id=group) as two:
            second = Member(two, topic, seen)
            helping = tasks.create_task(second.run())
            await until(lambda: len(first.has()) == len(second.has()) == 2)
            assert first.has() | second.has() == everything
            await published(100)
            assert second.own == 100
            helping.cancel()
        await until(lambda: first.has() == everything)
        await published(150)
        running.cancel()


@on_every_broker("idempotent producers")
async def test_an_idempotent_producer_s_records_are_there_once(broker: Topics) -> None:
    topic = await broker.topic()
    sent = numbered(200)
    await broker.send(topic, sent, enable_idempotence=True)
    assert [as_sent(record) for record in await broker.read(topic, len(sent))] == sent


@on_every_broker("topic ids")
async def test_every_topic_has_an_id_of_its_own(broker: Topics) -> None:
    one, other = await broker.topic(), await broker.topic()
    ids = [await topic_id(broker.client(), topic) for topic in (one, other, one)]
    assert ids[0] == ids[2] != ids[1]
    assert (0, 0) not in ids


@on_every_broker("topics are deleted on request")
async def test_a_recreated_topic_starts_at_nothing_under_another_id(broker: Topics) -> None:
    topic = await broker.topic()
    await broker.send(topic, numbered(5))
    before = await topic_id(broker.client(), topic)
    await deleted(broker, topic)
    await broker.topic(1, topic)
    await broker.send(topic, [Sent(b"new")])
    (only,) = await broker.read(topic, 1)
    assert (only.offset, only.value) == (0, b"new")
    assert await topic_id(broker.client(), topic) != before


async def deleted(broker: Topics, topic: str) -> None:
    async with broker.administrator() as admin:
        answer = await admin.delete_topics([topic])
        assert [code for _, code in answer.topic_error_codes] == [0]
        async with asyncio.timeout(READ_WITHIN):
            while topic in await admin.list_topics():
                await asyncio.sleep(0.02)


@on_every_broker("delete records")
async def test_a_reader_below_the_start_of_a_truncated_log_goes_on_at_its_start(broker: Topics) -> None:
    topic = await broker.topic()
    await broker.send(topic, numbered(10))
    tp = TopicPartition(topic, 0)
    async with broker.administrator() as admin:
        await admin.delete_records({tp: RecordsToDelete(6)})
    async with broker.reader(topic) as consumer:
        assert await consumer.beginning_offsets([tp]) == {tp: 6}
        consumer.seek(tp, 2)
        assert [record.offset for record in await taken(consumer, 4)] == [6, 7, 8, 9]


@on_every_broker("a replaced log shows", of=REAL)
async def test_a_replaced_log_is_empty_and_has_another_cluster_id(broker: Topics) -> None:
    topic = await broker.topic()
    await broker.send(topic, numbered(10))
    before = await probe_broker(broker.client())
    await emptied(broker)
    assert (await probe_broker(broker.client())).cluster_id != before.cluster_id
    async with broker.administrator() as admin:
        assert await admin.list_topics() == []


@on_every_broker("a position past the end shows", of=REAL)
async def test_a_reader_past_the_end_of_a_replaced_log_starts_anew(broker: Topics) -> None:
    topic = await broker.topic()
    await broker.send(topic, numbered(10))
    async with broker.reader(topic) as consumer:
        await taken(consumer, 10)
        await emptied(broker)
        await broker.topic(1, topic)
        await broker.send(topic, numbered(3))
        assert [record.offset for record in await taken(consumer, 3, TOLD_WITHIN_S)] == [0, 1, 2]


async def emptied(broker: Topics) -> None:
    done: Any = broker.host.empty()
    if done is not None:
        await done


PROBED = {
    # None of these is secured; tests/acceptance/test_secured_kafka.py has one that is.
    "access_control": "access control",
    "idempotent_producers": "idempotent producers",
    "topic_ids": "topic ids",
    "delete_records": "delete records",
}


@on_every_broker("the probe")
async def test_the_probe_at_start_says_what_this_suite_proves(broker: Topics) -> None:
    found = await probe_broker(broker.client())
    proved = {field: can(broker.name, capability) for field, capability in PROBED.items()}
    assert {field: getattr(found, field) for field in PROBED} == proved
    assert str(found).startswith(f"broker: cluster {found.cluster_id}, log durable, ")


async def test_the_embedded_broker_is_not_asked_what_it_cannot_and_complains_of_nothing(tmp_path: Path) -> None:
    async with Tansu(tmp_path) as tansu:
        known = await probe_broker(tansu.client(), volatile_log=True)
        complaints = [word for word in ("ERROR", "panicked") if word in tansu.log.read_text()]
        asked = await probe_broker(tansu.client())
    assert complaints == []
    assert "ERROR" in tansu.log.read_text(), "asked, it does complain"
    assert replace(known, durable_log=True) == asked
    assert not known.durable_log


async def test_the_table_says_nothing_that_is_not_proved() -> None:
    probed_on = {(broker, capability) for broker, capability in PROVED if capability == "the probe"}
    answered = {(broker, capability) for broker, _ in probed_on for capability in PROBED.values()}
    assert {(each.broker, each.capability) for each in TABLE} <= PROVED | answered
    assert len(TABLE) == len({(each.broker, each.capability) for each in TABLE})
