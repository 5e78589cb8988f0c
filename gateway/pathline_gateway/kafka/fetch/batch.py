"""The records of one batch: read, or cut, or told where they are and why nobody could read them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, Final, TypeAlias

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.structs import ConsumerRecord

from pathline_gateway.kafka.fetch import bounds, legacy
from pathline_gateway.kafka.fetch.decompress import NONE, PastBound, pieces
from pathline_gateway.kafka.fetch.lenient_headers import LenientBatch
from pathline_gateway.kafka.fetch.record_walk import Broken, Large, Run, Walk
from pathline_gateway.kafka.fetch.records import TOO_LARGE, UNREADABLE_BATCH, CutRecord, UnreadRecords, cut
from pathline_gateway.kafka.offset_repository import Partition

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
"""Base offset, length, leader's epoch, format, checksum, attributes, last offset, first and last time, producer's id
and epoch, sequence, number of records."""
_AFTER_LENGTH: Final = _HEADER.size - 12
_CODEC: Final = 0x07
_LOG_TIME: Final = 0x08
_MAGIC: Final = 16


class BatchStart:
    """Stands among the records before a batch that is large: only one of them is being read at a time."""


class BatchEnd:
    """Stands after the last record of a large batch."""


WAITS: Final = BatchStart()
DONE: Final = BatchEnd()

Found: TypeAlias = ConsumerRecord | CutRecord | UnreadRecords | int | BatchStart | BatchEnd
"""What comes of a batch. An int is how many bytes were read for what came before it, or for what is to come."""


def read(partition: Partition, raw: bytes) -> Iterator[Found]:
    """Every record of the batch is in one of those that come, in the order of their offsets. Never raises."""
    return _Reader(partition, raw).read() if raw[_MAGIC] >= 2 else _legacy(partition, raw)


def unread(partition: Partition, raw: bytes, first: int, why: Exception, claimed: int | None = None) -> UnreadRecords:
    """All records of the batch from this offset on."""
    last = struct.unpack_from(">q", raw)[0]
    if raw[_MAGIC] >= 2:
        last += _HEADER.unpack_from(raw)[6]
    if isinstance(why, PastBound):
        reason, what = TOO_LARGE, f"becomes more than {bounds.decompressed(len(raw)):,} bytes when it is decompressed"
    else:
        reason, what = UNREADABLE_BATCH, f"cannot be read ({type(why).__name__})"
    detail = f"the batch of this record {what}: only where it stands is kept; ask its publisher to send smaller ones"
    size = len(raw) if claimed is None else claimed
    return UnreadRecords(*partition, first, max(first, last), size, hashlib.sha256(raw).digest(), reason, detail)


class _Reader:
    """Reads one batch of the present format."""

    def __init__(self, partition: Partition, raw: bytes) -> None:
        self._partition, self._raw = partition, raw
        head = _HEADER.unpack_from(raw)
        self._attributes, self._count = head[5], head[12]
        self._base, self._last = head[0], head[0] + head[6]
        self._first_time, self._last_time = head[7], head[8]
        self._next = self._base
        """After the last record that came."""
        self._walk: Walk | None = None

    def read(self) -> Iterator[Found]:
        codec, body = self._attributes & _CODEC, self._raw[_HEADER.size :]
        try:
            if codec == NONE and len(body) <= bounds.RECORD:
                yield from self._run(Run(body, self._count))
                return
            most = bounds.decompressed(len(body)) if codec != NONE else len(body)
            made = pieces(codec, body, most)
            small, more = _beginning(made)
            if not more:
                yield from self._run(Run(b"".join(small), self._count))
                return
            yield WAITS
            yield from self._large_batch(Walk(chain(small, more, made), most))
        except Exception as why:  # whatever stands in a batch is its publisher's, and stops nobody
            claimed = None if self._walk is None else self._walk.claimed
            if self._next <= self._last:  # else it is bytes behind the last record
                yield unread(self._partition, self._raw, self._next, why, claimed)
        if self._walk is not None:
            yield DONE

    def _large_batch(self, walk: Walk) -> Iterator[Found]:
        self._walk = walk
        for found in walk.records(self._count):
            if isinstance(found, Run):
                yield from self._run(found)
            elif isinstance(found, Large):
                yield self._cut(found)
            else:
                yield found

    def _run(self, run: Run) -> Iterator[Found]:
        """The records of a run, each as aiokafka's parser has it."""
        head = list(_HEADER.unpack_from(self._raw))
        head[1], head[5], head[12] = len(run.data) + _AFTER_LENGTH, self._attributes & ~_CODEC, run.records
        plain = _HEADER.pack(*head) + run.data
        read = 0
        try:
            for record in DefaultRecordBatch(plain):
                yield self._consumer_record(record)
                read += 1
                if len(record.headers) > bounds.HEADERS:
                    yield len(record.headers) * bounds.HEADER_COST
        except (UnicodeDecodeError, CorruptRecordException) as failed:
            # aiokafka without its compiled parts wraps the one in the other.
            if not isinstance(failed.__cause__ or failed, UnicodeDecodeError):
                raise
            for record in islice(LenientBatch(plain), read, None):
                yield self._consumer_record(record)
        yield len(run.data)

    def _consumer_record(self, record: Any) -> ConsumerRecord | CutRecord:
        offset, headers = record.offset, record.headers
        if not self._next <= offset <= self._last:
            raise Broken
        self._next = offset + 1
        key, value = record.key, record.value
        if len(headers) > bounds.HEADERS:
            return cut(self._partition, offset, record.timestamp, key, value, headers)
        return ConsumerRecord(
            *self._partition,
            offset,
            record.timestamp,
            record.timestamp_type,
            key,
            value,
            None,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
            tuple(headers),
        )

    def _cut(self, large: Large) -> CutRecord:
        offset = self._base + large.offset_delta
        if not self._next <= offset <= self._last:
            raise Broken
        self._next = offset + 1
        logged = self._attributes & _LOG_TIME
        timestamp = self._last_time if logged else self._first_time + large.timestamp_delta
        return CutRecord(
            *self._partition,
            offset,
            timestamp,
            large.key,
            large.value,
            large.headers,
            large.size,
            large.value_size,
            large.sha256,
        )


def _beginning(made: Iterator[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The first pieces that together are no larger than a record; and the next one, when there is one."""
    small: list[bytes] = []
    size = 0
    for piece in made:
        size += len(piece)
        if size > bounds.RECORD:
            return small, [piece]
        small.append(piece)
    return small, []


def _legacy(partition: Partition, raw: bytes) -> Iterator[Found]:
    first, last = 0, struct.unpack_from(">q", raw)[0]
    try:
        for message in legacy.messages(raw):
            if not first <= message.offset <= last:
                raise Broken
            first = message.offset + 1
            yield _of_old(partition, message)
    except Exception as why:
        yield unread(partition, raw, first, why)
    yield len(raw)


def _of_old(partition: Partition, message: legacy.LegacyMessage) -> ConsumerRecord | CutRecord:
    _, timestamp, _, key, value = message
    if len(key or b"") + len(value or b"") > bounds.RECORD:
        return cut(partition, message.offset, timestamp, key, value, ())
    sizes = (-1 if key is None else len(key), -1 if value is None else len(value))
    return ConsumerRecord(*partition, message.offset, timestamp, 0, key, value, None, *sizes, ())
