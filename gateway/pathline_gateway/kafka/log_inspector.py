"""Looks at the log without consuming it: where partitions start and end, and single records."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from pathline_gateway.kafka.fetch import bounds
from pathline_gateway.kafka.log_identity import PartitionView
from pathline_gateway.kafka.offset_repository import Partition, Position, record_digest

_FETCH_TIMEOUT_S = 3.0
"""Longest wait for the record before a position: one fetch, in milliseconds where all is well."""
_REQUEST_MS = 5_000


class LogInspector:
    """A client of its own, outside the group: it goes on seeing when the consumer has stopped."""

    def __init__(self, client_options: Mapping[str, Any]) -> None:
        self._consumer = AIOKafkaConsumer(
            **client_options,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            request_timeout_ms=_REQUEST_MS,
            fetch_max_wait_ms=50,
            fetch_max_bytes=bounds.MAX_FETCH_BYTES,
            max_partition_fetch_bytes=bounds.MAX_PARTITION_FETCH_BYTES,
        )
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Connects to the broker."""
        await self._consumer.start()

    async def stop(self) -> None:
        """Closes the connections."""
        await self._consumer.stop()

    async def fetch_end_offsets(self, pattern: re.Pattern[str]) -> dict[Partition, int]:
        """The end of every partition of the topics that match. Raises KafkaError."""
        async with self._lock:
            topics = [topic for topic in await self._consumer.topics() if pattern.fullmatch(topic)]
            partitions = [
                TopicPartition(topic, n) for topic in topics for n in self._consumer.partitions_for_topic(topic) or ()
            ]
            end_offsets = await self._consumer.end_offsets(partitions) if partitions else {}
        return {(tp.topic, tp.partition): end for tp, end in end_offsets.items()}

    async def inspect(self, positions: Mapping[Partition, Position]) -> dict[Partition, PartitionView]:
        """What each of these partitions shows of itself, for one who stands at these positions. Raises KafkaError.

        One that reaches to the position and does not answer in time is left out: that says nothing about its records.
        """
        partitions = [TopicPartition(*p) for p in positions]
        async with self._lock:
            starts = await self._consumer.beginning_offsets(partitions)
            ends = await self._consumer.end_offsets(partitions)
            offsets_before = {
                tp: positions[tp.topic, tp.partition].next_offset - 1
                for tp in partitions
                if positions[tp.topic, tp.partition].next_offset > starts[tp]
            }
            records, silent_partitions = await self._fetch_records(offsets_before)
        shown_partitions = [tp for tp in partitions if tp not in silent_partitions or ends[tp] <= offsets_before[tp]]
        return {
            (tp.topic, tp.partition): PartitionView(
                starts[tp], ends[tp], record_digest(records[tp]) if tp in records else None
            )
            for tp in shown_partitions
        }

    async def _fetch_records(
        self, offsets: Mapping[TopicPartition, int]
    ) -> tuple[dict[TopicPartition, Any], Collection[TopicPartition]]:
        """The record at each of these offsets, where there is one; and the partitions that did not answer."""
        records: dict[TopicPartition, Any] = {}
        pending = dict(offsets)
        if not offsets:
            return records, ()
        self._consumer.assign(list(offsets))
        for tp, offset in offsets.items():
            self._consumer.seek(tp, offset)
        try:
            async with asyncio.timeout(_FETCH_TIMEOUT_S):
                while pending:
                    for tp, record in (await self._fetch_first(pending)).items():
                        if record is not None and record.offset == offsets[tp]:
                            records[tp] = record
                        pending.pop(tp, None)
        except TimeoutError:
            pass
        finally:
            self._consumer.unsubscribe()
        return records, pending

    async def _fetch_first(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Any]:
        """One record of each partition that answers; None for one that has nothing at its offset."""
        try:
            batches = await self._consumer.getmany(*partitions, timeout_ms=100, max_records=len(partitions))
        except OffsetOutOfRangeError as error:
            return dict.fromkeys(error.args[0])
        return {tp: records[0] for tp, records in batches.items() if records}
