"""aiokafka's fetcher, so that what it reads is bounded: a poll reads so many bytes, and no batch stops another.

aiokafka decompresses each batch whole and inside the event loop. An error in one leaves the poll, which forgets what it
had read of others. `aiokafka_patch` makes every consumer of a process use this one.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.structs import TopicPartition

from pathline_gateway.kafka.fetch import batch as fetch_batch
from pathline_gateway.kafka.fetch import bounds
from pathline_gateway.kafka.fetch.batch import LARGE_BATCH_END, LARGE_BATCH_START
from pathline_gateway.kafka.fetch.record_scanner import MalformedRecords
from pathline_gateway.kafka.fetch.records import UnreadRecords
from pathline_gateway.log_cause import because

_log = logging.getLogger(__name__)

_MAX_CHECKSUM_ATTEMPTS: Final = 3
"""How often a batch is fetched whose checksum is wrong: it may have been the way here."""
_LENGTH_START: Final = 8
_LENGTH_END: Final = 12


class BadChecksum(CorruptRecordException):  # type: ignore[misc]
    """A batch is not what its checksum says. `unread_records`: its records, where fetching it again is in vain."""

    def __init__(self, unread_records: UnreadRecords) -> None:
        self.unread_records = unread_records
        super().__init__()


@dataclass
class _Poll:
    """What one poll may still read, and the one large batch that is being read."""

    bytes_left: int = bounds.MAX_POLL_BYTES
    large_batch: weakref.ref[BoundedFetchResult] | None = None

    def claim_large_batch(self, result: BoundedFetchResult) -> bool:
        """Whether this partition may read its large batch now; it has its turn until that is read or dropped."""
        holder = None if self.large_batch is None else self.large_batch()
        if holder is None or holder is result:
            self.large_batch = weakref.ref(result)
            return True
        return False


class BoundedBatches:
    """The batches of one fetch, as aiokafka's fetcher asks for them."""

    def __init__(self, data: bytes) -> None:
        self._data, self._memory_records = data, _MEMORY_RECORDS(data)
        self._position = 0

    def size_in_bytes(self) -> int:
        """Of the whole fetch."""
        return int(self._memory_records.size_in_bytes())

    def has_next(self) -> bool:
        """Whether a whole batch follows."""
        return bool(self._memory_records.has_next())

    def next_batch(self) -> tuple[Any, bytes]:
        """The batch that follows: as aiokafka has it, and its bytes."""
        start = self._position
        length = int.from_bytes(self._data[start + _LENGTH_START : start + _LENGTH_END], "big", signed=True)
        self._position = start + _LENGTH_END + length
        return self._memory_records.next_batch(), self._data[start : self._position]


class BoundedPartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """What was fetched of a partition: what `batch.read` makes of each batch, but what was there before and what no
    transaction brought."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[fetch_batch.BatchItem]:
        partition = (self._tp.topic, self._tp.partition)
        while self._records.has_next():
            strict, raw = self._records.next_batch()
            if self._check_crcs and not strict.validate_crc():
                raise BadChecksum(
                    fetch_batch.build_unread_records(partition, raw, self.next_fetch_offset, MalformedRecords())
                )
            if not self._is_skipped(strict):
                for item in fetch_batch.read(partition, raw):
                    if not isinstance(item, int | fetch_batch.BatchStart | fetch_batch.BatchEnd):
                        if item.offset < self.next_fetch_offset:
                            continue
                        if isinstance(item, UnreadRecords) and item.first_offset < self.next_fetch_offset:
                            item = replace(item, first_offset=self.next_fetch_offset)
                        self.next_fetch_offset = item.offset + 1
                    yield item
            # A batch keeps its last offset when that record was compacted away.
            self.next_fetch_offset = max(self.next_fetch_offset, strict.next_offset)

    def _is_skipped(self, strict: Any) -> bool:
        """Whether it belongs to a transaction that was given up, or only says how one ended."""
        if self._isolation_level == fetcher.READ_COMMITTED and strict.producer_id is not None:
            self._consume_aborted_up_to(strict.base_offset)
            if strict.is_control_batch:
                with suppress(Exception):  # such a marker no broker writes
                    if self._contains_abort_marker(strict):
                        self._aborted_producers.discard(strict.producer_id)
            if strict.is_transactional and strict.producer_id in self._aborted_producers:
                return True
        return bool(strict.is_control_batch)


class BoundedFetchResult(fetcher.FetchResult):  # type: ignore[misc]
    """What was fetched of a partition and not polled yet."""

    _partition_records: Any
    _waits_for_large = False
    """A large batch follows, and another one is being read."""

    def getone(self) -> Any:
        """One record."""
        while self.has_more():
            if records := self.getall(1):
                return records[0]
        return None

    def getall(self, max_records: int | None = None, poll: _Poll | None = None) -> list[Any]:
        """The next records; the partition's position is behind them. Raises BadChecksum, the position being there."""
        poll = _Poll() if poll is None else poll
        records: list[Any] = []
        if not self.check_assignment(self._topic_partition) or not self.has_more():
            return records
        if self._waits_for_large and not poll.claim_large_batch(self):
            return records
        self._waits_for_large = False
        try:
            for item in self._partition_records:
                if isinstance(item, int):
                    poll.bytes_left -= item
                elif item is LARGE_BATCH_START:
                    self._waits_for_large = not poll.claim_large_batch(self)
                elif item is LARGE_BATCH_END:
                    poll.large_batch = None
                else:
                    records.append(item)
                if (
                    self._waits_for_large
                    or poll.bytes_left <= 0
                    or (max_records is not None and len(records) >= max_records)
                ):
                    break
            else:
                self._update_position()
                self._partition_records = None
                return records
        except BadChecksum:
            if not records:
                raise
            self._update_position()  # met again in the next fetch, with nothing before it
            self._partition_records = None
            return records
        self._update_position()
        return records


class BoundedFetcher(fetcher.Fetcher):  # type: ignore[misc]
    """Returns fetched records."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._large_batch: weakref.ref[BoundedFetchResult] | None = None
        self._checksum_failures: dict[TopicPartition, tuple[int, int]] = {}
        """By partition, the offset of a batch whose checksum was wrong, and how often it was fetched."""

    async def fetched_records(
        self, partitions: Collection[TopicPartition], timeout: float = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Any]]:
        """Fetched records that were not returned yet: so many records, and so many bytes, of all partitions in turn."""
        deadline = time.monotonic() + timeout
        while True:
            if self._subscriptions.reassignment_in_progress:
                await self._subscriptions.wait_for_assignment()
            poll = _Poll(large_batch=self._large_batch)
            records = self._drain(partitions, poll, max_records)
            self._large_batch = poll.large_batch
            seconds_left = deadline - time.monotonic()
            if records or seconds_left <= 0:
                return records
            if poll.bytes_left < bounds.MAX_POLL_BYTES:  # what was read was no record yet
                await asyncio.sleep(0)
                continue
            waiter = self._create_fetch_waiter()
            done, _ = await asyncio.wait([waiter], timeout=seconds_left)
            if not done or self._closed:
                waiter.cancel()
                return {}
            waiter.result()  # raises where we may not read

    def _drain(
        self, partitions: Collection[TopicPartition], poll: _Poll, max_records: int | None
    ) -> dict[TopicPartition, list[Any]]:
        records_by_partition: dict[TopicPartition, list[Any]] = {}
        records_left = max_records
        for tp in list(self._records):
            if partitions and tp not in partitions:
                if not self._subscriptions.is_assigned(tp):
                    del self._records[tp]
                continue
            result = self._records[tp]
            if not isinstance(result, BoundedFetchResult):  # an error
                if records_by_partition:
                    break
                self._refetch_partition(tp)
                result.check_raise()
            records = self._read_result(tp, result, poll, records_left)
            if records:
                records_by_partition[tp] = records
                records_left = None if records_left is None else records_left - len(records)
            if records_left == 0 or poll.bytes_left <= 0:
                break
        return records_by_partition

    def _read_result(
        self, tp: TopicPartition, result: BoundedFetchResult, poll: _Poll, max_records: int | None
    ) -> list[Any]:
        try:
            records = result.getall(max_records, poll)
        except BadChecksum as error:
            self._refetch_partition(tp)
            return self._retry_or_give_up(tp, result, error.unread_records)
        if result.has_more():
            self._records.move_to_end(tp)  # the others first, next time
        else:
            self._refetch_partition(tp)
        return records

    def _retry_or_give_up(
        self, tp: TopicPartition, result: BoundedFetchResult, unread_records: UnreadRecords
    ) -> list[Any]:
        """The records of a batch that is fetched again in vain; nothing as long as it may help."""
        offset, attempts = self._checksum_failures.get(tp, (-1, 0))
        attempts = attempts + 1 if offset == unread_records.first_offset else 1
        self._checksum_failures[tp] = (unread_records.first_offset, attempts)
        if attempts < _MAX_CHECKSUM_ATTEMPTS:
            _log.warning("a batch is not what its checksum says, and is fetched again", extra=because("checksum"))
            return []
        del self._checksum_failures[tp]
        result._assignment.state_value(tp).consumed_to(unread_records.offset + 1)
        return [unread_records]

    def _refetch_partition(self, tp: TopicPartition) -> None:
        del self._records[tp]
        self._notify(self._wait_consume_future)


_MEMORY_RECORDS: Final = fetcher.MemoryRecords
