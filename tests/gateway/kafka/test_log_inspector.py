"""A broker that does not answer says nothing about its log."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition

from pathline_gateway.kafka import log_inspector
from pathline_gateway.kafka.log_identity import PartitionView
from pathline_gateway.kafka.log_inspector import LogInspector
from pathline_gateway.kafka.offset_repository import Position, record_digest
from support.intake.deliveries import DOOR, Log, PublishedEvent

TP = TopicPartition(*DOOR)


class Broker:
    """What a look asks a consumer: five records, which it shows or keeps to itself."""

    def __init__(self, *, answers: bool) -> None:
        self._answers = answers
        self.log = Log()
        for n in range(5):
            self.log.add(DOOR, PublishedEvent("step", "clinic", n, 0, 0))

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 5)

    def assign(self, partitions: list[TopicPartition]) -> None: ...

    def unsubscribe(self) -> None: ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._at = offset

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int, max_records: int) -> dict[Any, Any]:
        if self._answers:
            return {TP: self.log.held(DOOR, self._at, self._at + 1)}
        await asyncio.sleep(timeout_ms / 1000)
        return {}


async def looked(broker: Broker, monkeypatch: pytest.MonkeyPatch, at: int) -> dict[Any, PartitionView]:
    monkeypatch.setattr(log_inspector, "_FETCH_TIMEOUT_S", 0.05)
    monkeypatch.setattr(log_inspector, "AIOKafkaConsumer", lambda **_: broker)
    return dict(await LogInspector({}).inspect({DOOR: Position(at, b"digest")}))


async def test_a_partition_that_shows_its_record_is_told_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(answers=True)
    (record,) = broker.log.held(DOOR, 3, 4)
    assert await looked(broker, monkeypatch, 4) == {DOOR: PartitionView(0, 5, record_digest(record))}


async def test_a_partition_that_reaches_to_the_position_and_does_not_answer_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await looked(Broker(answers=False), monkeypatch, 4) == {}


async def test_a_partition_that_ends_before_the_position_is_told_by_that(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await looked(Broker(answers=False), monkeypatch, 9) == {DOOR: PartitionView(0, 5, None)}
