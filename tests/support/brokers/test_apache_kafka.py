"""The Kafka that tests use: nodes die, come back and end, whatever happens to the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from pathline_gateway.embedded.errors import ChildFailed
from support.brokers.apache_kafka import ApacheKafka
from support.brokers.kafka_download import Installation

TOPIC = "pathline.in.shelter"

HOLDER = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from support.brokers.apache_kafka import ApacheKafka
with ApacheKafka(Path({place!r})) as kafka:
    print(kafka.bootstrap, flush=True)
    sys.stdin.read()
"""


def until(holds: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def nodes_in(place: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cwd", "name"]):
        if process.info["name"] == "java" and (process.info["cwd"] or "").startswith(str(place)):
            found.append(process)
    return found


async def made(kafka: ApacheKafka, copies: int) -> None:
    admin = AIOKafkaAdminClient(**kafka.client())
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(TOPIC, 3, copies)])
        assert [code for _, code, *_ in answer.topic_errors] == [0]
    finally:
        await admin.close()


async def read(kafka: ApacheKafka, count: int) -> set[bytes]:
    consumer = AIOKafkaConsumer(**kafka.client(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC, n) for n in range(3)])
        found: set[bytes] = set()
        while len(found) < count:
            batches = await consumer.getmany(timeout_ms=500)
            found |= {record.value for records in batches.values() for record in records}
        return found
    finally:
        await consumer.stop()


async def test_three_nodes_lose_nothing_that_was_acknowledged_when_one_is_killed(
    tmp_path: Path, kafka_installation: Installation
) -> None:
    with ApacheKafka(tmp_path, nodes=3, installation=kafka_installation) as kafka:
        await made(kafka, copies=3)
        producer = AIOKafkaProducer(**kafka.client(), acks="all", enable_idempotence=True)
        await producer.start()
        sent = {b"%d" % n for n in range(300)}
        for n, value in enumerate(sorted(sent)):
            if n == 100:
                kafka.kill(2)
            if n == 200:
                kafka.begin(2)
            await producer.send_and_wait(TOPIC, value, key=value)
        await producer.stop()
        kafka.until_ready(2)
        kafka.kill(1)
        assert await read(kafka, len(sent)) == sent


async def test_a_node_that_was_stopped_has_its_data_when_it_starts_again(
    tmp_path: Path, kafka_installation: Installation
) -> None:
    with ApacheKafka(tmp_path, installation=kafka_installation) as kafka:
        await made(kafka, copies=1)
        async with AIOKafkaProducer(**kafka.client(), acks="all") as producer:
            await producer.send_and_wait(TOPIC, b"kept")
        kafka.stop(1)
        assert nodes_in(tmp_path) == []
        kafka.start(1)
        assert await read(kafka, 1) == {b"kept"}
    assert nodes_in(tmp_path) == []


def test_a_node_that_cannot_start_says_why(tmp_path: Path, kafka_installation: Installation) -> None:
    with pytest.raises(ChildFailed, match="heap") as failed:
        ApacheKafka(tmp_path, heap="1k", installation=kafka_installation).__enter__()
    assert any("heap" in line.lower() for line in failed.value.tail)


@pytest.mark.usefixtures("kafka_installation")
def test_nodes_die_with_the_process_that_started_them(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(path=sys.path, place=str(tmp_path))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().startswith("127.0.0.1:")
        assert len(nodes_in(tmp_path)) == 1
        os.kill(holder.pid, signal.SIGKILL)
        until(lambda: nodes_in(tmp_path) == [])
    finally:
        holder.kill()
        holder.communicate()
