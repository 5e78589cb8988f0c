"""aiokafka's fetcher, so that what it reads is bounded: a poll reads so many bytes, and no batch stops another.

aiokafka decompresses each batch whole and inside the event loop, raises out of the poll what is wrong with one, and
forgets then what it had read of others. Used by every consumer that this process makes once `bound` was called.
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

from aiokafka.consumer import consumer, fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.structs import TopicPartition

from pathline_gateway.kafka.fetch import batch as fetch_batch
from pathline_gateway.kafka.fetch import bounds
from pathline_gateway.kafka.fetch.batch import DONE, WAITS
from pathline_gateway.kafka.fetch.record_walk import Broken
from pathline_gateway.kafka.fetch.records import UnreadRecords

_log = logging.getLogger(__name__)

_CHECKED: Final = 3
"""How often a batch is fetched whose checksum is wrong: it may have been the way here."""
_LENGTH: Final = 8
_BEFORE_LENGTH: Final = 12


def bound() -> None:
    """Every consumer that this process makes from now on reads within bounds."""
    fetcher.MemoryRecords = _Batches
    fetcher.PartitionRecords = _PartitionRecords
    fetcher.FetchResult = _FetchResult
    consumer.Fetcher = _Fetcher


class BadChecksum(CorruptRecordException):  # type: ignore[misc]
    """A batch is not what its checksum says. `unread`: its records, where fetching it again is in vain."""

    def __init__(self, unread: UnreadRecords) -> None:
        self.unread = unread
        super().__init__()


@dataclass
class _Poll:
    """What one poll may still read, and the one large batch that is being read."""

    left: int = bounds.POLL
    large: weakref.ref[_FetchResult] | None = None

    def may_be_large(self, result: _FetchResult) -> bool:
        """Whether this partition may read its large batch now; it has its turn until that is read or dropped."""
        held = None if self.large is None else self.large()
        if held is None or held is result:
            self.large = weakref.ref(result)
            return True
        return False


class _Batches:
    """The batches of one fetch, as aiokafka's fetcher asks for them."""

    def __init__(self, fetched: bytes) -> None:
        self._fetched, self._strict = fetched, _MEMORY_RECORDS(fetched)
        self._at = 0

    def size_in_bytes(self) -> int:
        """Of the whole fetch."""
        return int(self._strict.size_in_bytes())

    def has_next(self) -> bool:
        """Whether a whole batch follows."""
        return bool(self._strict.has_next())

    def next_batch(self) -> tuple[Any, bytes]:
        """The batch that follows: as aiokafka has it, and its bytes."""
        start = self._at
        length = int.from_bytes(self._fetched[start + _LENGTH : start + _BEFORE_LENGTH], "big", signed=True)
        self._at = start + _BEFORE_LENGTH + length
        return self._strict.next_batch(), self._fetched[start : self._at]


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """What was fetched of a partition: what `batch.read` makes of each batch, but what was there before and what no
    transaction brought."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[fetch_batch.Found]:
        partition = (self._tp.topic, self._tp.partition)
        while self._records.has_next():
            strict, raw = self._records.next_batch()
            if self._check_crcs and not strict.validate_crc():
                raise BadChecksum(fetch_batch.unread(partition, raw, self.next_fetch_offset, Broken()))
            if not self._is_left_out(strict):
                for found in fetch_batch.read(partition, raw):
                    if not isinstance(found, int | fetch_batch.BatchStart | fetch_batch.BatchEnd):
                        if found.offset < self.next_fetch_offset:
                            continue
                        if isinstance(found, UnreadRecords) and found.first < self.next_fetch_offset:
                            found = replace(found, first=self.next_fetch_offset)
                        self.next_fetch_offset = found.offset + 1
                    yield found
            # A batch keeps its last offset when that record was compacted away.
            self.next_fetch_offset = max(self.next_fetch_offset, strict.next_offset)

    def _is_left_out(self, strict: Any) -> bool:
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


class _FetchResult(fetcher.FetchResult):  # type: ignore[misc]
    """What was fetched of a partition and not polled yet."""

    _partition_records: Any
    _waits = False
    """A large batch follows, and another one is being read."""

    def getone(self) -> Any:
        """One record."""
        while self.has_more():
            if found := self.getall(1):
                return found[0]
        return None

    def getall(self, max_records: int | None = None, poll: _Poll | None = None) -> list[Any]:
        """The next records; the partition's position is behind them. Raises BadChecksum, the position being there."""
        poll = _Poll() if poll is None else poll
        found: list[Any] = []
        if not self.check_assignment(self._topic_partition) or not self.has_more():
            return found
        if self._waits and not poll.may_be_large(self):
            return found
        self._waits = False
        try:
            for each in self._partition_records:
                if isinstance(each, int):
                    poll.left -= each
                elif each is WAITS:
                    self._waits = not poll.may_be_large(self)
                elif each is DONE:
                    poll.large = None
                else:
                    found.append(each)
                if self._waits or poll.left <= 0 or (max_records is not None and len(found) >= max_records):
                    break
            else:
                self._update_position()
                self._partition_records = None
                return found
        except BadChecksum:
            if not found:
                raise
            self._update_position()  # met again in the next fetch, with nothing before it
            self._partition_records = None
            return found
        self._update_position()
        return found


class _Fetcher(fetcher.Fetcher):  # type: ignore[misc]
    """Hands out what was fetched."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._large: weakref.ref[_FetchResult] | None = None
        self._mismatched: dict[TopicPartition, tuple[int, int]] = {}
        """By partition, the offset of a batch whose checksum was wrong, and how often it was fetched."""

    async def fetched_records(
        self, partitions: Collection[TopicPartition], timeout: float = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Any]]:
        """What was fetched and not handed out yet: so many records, and so many bytes, of all partitions in turn."""
        until = time.monotonic() + timeout
        while True:
            if self._subscriptions.reassignment_in_progress:
                await self._subscriptions.wait_for_assignment()
            poll = _Poll(large=self._large)
            found = self._drain(partitions, poll, max_records)
            self._large = poll.large
            left = until - time.monotonic()
            if found or left <= 0:
                return found
            if poll.left < bounds.POLL:  # what was read was no record yet
                await asyncio.sleep(0)
                continue
            waiter = self._create_fetch_waiter()
            done, _ = await asyncio.wait([waiter], timeout=left)
            if not done or self._closed:
                waiter.cancel()
                return {}
            waiter.result()  # raises where we may not read

    def _drain(
        self, partitions: Collection[TopicPartition], poll: _Poll, max_records: int | None
    ) -> dict[TopicPartition, list[Any]]:
        drained: dict[TopicPartition, list[Any]] = {}
        left = max_records
        for tp in list(self._records):
            if partitions and tp not in partitions:
                if not self._subscriptions.is_assigned(tp):
                    del self._records[tp]
                continue
            result = self._records[tp]
            if not isinstance(result, _FetchResult):  # an error
                if drained:
                    break
                self._fetch_again(tp)
                result.check_raise()
            found = self._read(tp, result, poll, left)
            if found:
                drained[tp] = found
                left = None if left is None else left - len(found)
            if left == 0 or poll.left <= 0:
                break
        return drained

    def _read(self, tp: TopicPartition, result: _FetchResult, poll: _Poll, most: int | None) -> list[Any]:
        try:
            found = result.getall(most, poll)
        except BadChecksum as bad:
            self._fetch_again(tp)
            return self._given_up(tp, result, bad.unread)
        if result.has_more():
            self._records.move_to_end(tp)  # the others first, next time
        else:
            self._fetch_again(tp)
        return found

    def _given_up(self, tp: TopicPartition, result: _FetchResult, unread: UnreadRecords) -> list[Any]:
        """The records of a batch that is fetched again in vain; nothing as long as it may help."""
        offset, times = self._mismatched.get(tp, (-1, 0))
        times = times + 1 if offset == unread.first else 1
        self._mismatched[tp] = (unread.first, times)
        if times < _CHECKED:
            _log.warning("intake: a batch is not what its checksum says, and is fetched again")
            return []
        del self._mismatched[tp]
        result._assignment.state_value(tp).consumed_to(unread.offset + 1)
        return [unread]

    def _fetch_again(self, tp: TopicPartition) -> None:
        del self._records[tp]
        self._notify(self._wait_consume_future)


_MEMORY_RECORDS: Final = fetcher.MemoryRecords
