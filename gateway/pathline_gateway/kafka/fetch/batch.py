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
from pathline_gateway.kafka.fetch.decompress import NO_CODEC, DecompressedTooLarge, SnappyBlockTooLarge, decompress
from pathline_gateway.kafka.fetch.lenient_headers import LenientBatch
from pathline_gateway.kafka.fetch.record_scanner import MalformedRecords, OversizedRecord, RecordRun, RecordScanner
from pathline_gateway.kafka.fetch.records import TOO_LARGE, UNREADABLE_BATCH, CutRecord, UnreadRecords, cut_record
from pathline_gateway.kafka.offset_repository import Partition

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
"""Base offset, length, leader's epoch, format, checksum, attributes, last offset, first and last time, producer's id
and epoch, sequence, number of records."""
_AFTER_LENGTH: Final = _HEADER.size - 12
_CODEC: Final = 0x07
_LOG_APPEND_TIME: Final = 0x08
_MAGIC_INDEX: Final = 16


class BatchStart:
    """Stands among the records before a batch that is large: only one of them is being read at a time."""


class BatchEnd:
    """Stands after the last record of a large batch."""


LARGE_BATCH_START: Final = BatchStart()
LARGE_BATCH_END: Final = BatchEnd()

BatchItem: TypeAlias = ConsumerRecord | CutRecord | UnreadRecords | int | BatchStart | BatchEnd
"""What comes of a batch. An int is how many bytes were read for what came before it, or for what is to come."""


def read(partition: Partition, raw: bytes) -> Iterator[BatchItem]:
    """Every record of the batch is in one of those that come, in the order of their offsets. Never raises."""
    return _Reader(partition, raw).read() if raw[_MAGIC_INDEX] >= 2 else _read_legacy(partition, raw)


def build_unread_records(
    partition: Partition, raw: bytes, first_offset: int, error: Exception, claimed_size: int | None = None
) -> UnreadRecords:
    """All records of the batch from this offset on."""
    last = struct.unpack_from(">q", raw)[0]
    if raw[_MAGIC_INDEX] >= 2:
        last += _HEADER.unpack_from(raw)[6]
    if isinstance(error, DecompressedTooLarge):
        reason, cause = TOO_LARGE, f"becomes more than {error.max_bytes:,} bytes when it is decompressed"
    else:
        reason, cause = UNREADABLE_BATCH, f"cannot be read ({type(error).__name__})"
    detail = f"the batch of this record {cause}: only where it stands is kept; ask its publisher to send smaller ones"
    if isinstance(error, SnappyBlockTooLarge):
        detail += ", or to compress with zstd, lz4 or gzip: one block of snappy cannot be read in pieces"
    size = len(raw) if claimed_size is None else claimed_size
    return UnreadRecords(
        *partition, first_offset, max(first_offset, last), size, hashlib.sha256(raw).digest(), reason, detail
    )


class _Reader:
    """Reads one batch of the present format."""

    def __init__(self, partition: Partition, raw: bytes) -> None:
        self._partition, self._raw = partition, raw
        header = _HEADER.unpack_from(raw)
        self._attributes, self._count = header[5], header[12]
        self._base_offset, self._last_offset = header[0], header[0] + header[6]
        self._first_time, self._last_time = header[7], header[8]
        self._next_offset = self._base_offset
        """After the last record that came."""
        self._walk: RecordScanner | None = None

    def read(self) -> Iterator[BatchItem]:
        codec, body = self._attributes & _CODEC, self._raw[_HEADER.size :]
        try:
            if codec == NO_CODEC and len(body) <= bounds.MAX_RECORD_BYTES:
                yield from self._read_run(RecordRun(body, self._count))
                return
            max_bytes = bounds.max_decompressed_bytes(len(body)) if codec != NO_CODEC else len(body)
            decompressed = decompress(codec, body, max_bytes)
            first_pieces, next_pieces = _split_beginning(decompressed)
            if not next_pieces:
                yield from self._read_run(RecordRun(b"".join(first_pieces), self._count))
                return
            yield LARGE_BATCH_START
            yield from self._read_large_batch(RecordScanner(chain(first_pieces, next_pieces, decompressed), max_bytes))
        except Exception as error:  # whatever stands in a batch is its publisher's, and stops nobody
            claimed_size = None if self._walk is None else self._walk.claimed_size
            if self._next_offset <= self._last_offset:  # else it is bytes behind the last record
                yield build_unread_records(self._partition, self._raw, self._next_offset, error, claimed_size)
        if self._walk is not None:
            yield LARGE_BATCH_END

    def _read_large_batch(self, walk: RecordScanner) -> Iterator[BatchItem]:
        self._walk = walk
        for item in walk.records(self._count):
            if isinstance(item, RecordRun):
                yield from self._read_run(item)
            elif isinstance(item, OversizedRecord):
                yield self._build_cut_record(item)
            else:
                yield item

    def _read_run(self, run: RecordRun) -> Iterator[BatchItem]:
        """The records of a run, each as aiokafka's parser has it."""
        header = list(_HEADER.unpack_from(self._raw))
        header[1], header[5], header[12] = len(run.data) + _AFTER_LENGTH, self._attributes & ~_CODEC, run.record_count
        uncompressed_batch = _HEADER.pack(*header) + run.data
        records_read = 0
        try:
            for record in DefaultRecordBatch(uncompressed_batch):
                yield self._consumer_record(record)
                records_read += 1
                if len(record.headers) > bounds.MAX_HEADERS:
                    yield len(record.headers) * bounds.HEADER_COST_BYTES
        except (UnicodeDecodeError, CorruptRecordException) as error:
            # aiokafka without its compiled parts wraps the one in the other.
            if not isinstance(error.__cause__ or error, UnicodeDecodeError):
                raise
            for record in islice(LenientBatch(uncompressed_batch), records_read, None):
                yield self._consumer_record(record)
        yield len(run.data)

    def _consumer_record(self, record: Any) -> ConsumerRecord | CutRecord:
        offset, headers = record.offset, record.headers
        if not self._next_offset <= offset <= self._last_offset:
            raise MalformedRecords
        self._next_offset = offset + 1
        key, value = record.key, record.value
        if len(headers) > bounds.MAX_HEADERS:
            return cut_record(self._partition, offset, record.timestamp, key, value, headers)
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

    def _build_cut_record(self, large: OversizedRecord) -> CutRecord:
        offset = self._base_offset + large.offset_delta
        if not self._next_offset <= offset <= self._last_offset:
            raise MalformedRecords
        self._next_offset = offset + 1
        uses_log_append_time = self._attributes & _LOG_APPEND_TIME
        timestamp = self._last_time if uses_log_append_time else self._first_time + large.timestamp_delta
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


def _split_beginning(decompressed: Iterator[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The first pieces that together are no larger than a record; and the next one, when there is one."""
    small_pieces: list[bytes] = []
    size = 0
    for piece in decompressed:
        size += len(piece)
        if size > bounds.MAX_RECORD_BYTES:
            return small_pieces, [piece]
        small_pieces.append(piece)
    return small_pieces, []


def _read_legacy(partition: Partition, raw: bytes) -> Iterator[BatchItem]:
    first_offset, last_offset = 0, struct.unpack_from(">q", raw)[0]
    try:
        for message in legacy.parse_messages(raw):
            if not first_offset <= message.offset <= last_offset:
                raise MalformedRecords
            first_offset = message.offset + 1
            yield _convert_legacy_message(partition, message)
    except Exception as error:
        yield build_unread_records(partition, raw, first_offset, error)
    yield len(raw)


def _convert_legacy_message(partition: Partition, message: legacy.LegacyMessage) -> ConsumerRecord | CutRecord:
    _, timestamp, _, key, value = message
    if len(key or b"") + len(value or b"") > bounds.MAX_RECORD_BYTES:
        return cut_record(partition, message.offset, timestamp, key, value, ())
    sizes = (-1 if key is None else len(key), -1 if value is None else len(value))
    return ConsumerRecord(*partition, message.offset, timestamp, 0, key, value, None, *sizes, ())
