"""What is handed to the pipeline is without a gap from where it says that it was fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pathline_gateway.intake.kafka_consumer import Consumer
from pathline_gateway.kafka.offset_repository import Epochs, Partition
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.settings import Settings
from support.intake.deliveries import DOOR, OWN, ConsumedRecord, PublishedEvent, encoded


class Taken:
    """A pipeline that keeps what it is given: first offset, and from where it was fetched."""

    def __init__(self) -> None:
        self.batches: list[dict[Partition, tuple[int, int]]] = []

    async def enqueue(
        self,
        records: Mapping[Partition, Sequence[ConsumedRecord]],
        fetched_from: Mapping[Partition, int],
        epochs: object,
    ) -> None:
        self.batches.append({p: (found[0].offset, fetched_from[p]) for p, found in records.items()})


class Kafka:
    """A consumer that is sent back in one partition while it is asked about the other."""

    def __init__(self) -> None:
        self.positions = {OWN: 353, DOOR: 1}
        self.consumer: Any = None

    async def position(self, partition: Partition) -> int:
        if partition == DOOR and self.consumer is not None:
            consumer, self.consumer = self.consumer, None
            consumer._seek({OWN: 300})
        return self.positions[partition]

    def seek(self, partition: Partition, offset: int) -> bool:
        self.positions[partition] = offset
        return True

    def end_offset(self, _: Partition) -> None: ...


async def test_records_of_before_a_seek_are_not_taken_for_those_after_it() -> None:
    kafka, taken = Kafka(), Taken()
    consumer = Consumer(Settings(), None, taken, Progress())  # type: ignore[arg-type]
    consumer._kafka = kafka  # type: ignore[assignment]
    consumer._epochs, consumer._fetch_positions = Epochs(1, {}), {OWN: 350, DOOR: 0}
    kafka.consumer = consumer
    said = encoded(PublishedEvent("step", "clinic", 1, 0, 0))
    polled = [ConsumedRecord(*OWN, offset, *said) for offset in (350, 351, 352)] + [ConsumedRecord(*DOOR, 0, *said)]
    await consumer.on_records(polled)
    assert taken.batches == [{DOOR: (0, 0)}]
