"""The records of a batch of the present format, found in a stream of bytes with little in memory. Pure.

Records of ordinary size come as runs of whole records, for aiokafka's own fast parser. Of a larger one it keeps the
beginning, and counts and hashes the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from typing import Any, Final, NamedTuple

from pathline_gateway.kafka.fetch.bounds import MAX_HEADERS, MAX_KEPT_KEY_BYTES, MAX_KEPT_VALUE_BYTES, MAX_RECORD_BYTES
from pathline_gateway.kafka.fetch.decompress import DecompressedTooLarge

_MAX_INT_BYTES: Final = 5
_MAX_LONG_BYTES: Final = 10


class MalformedRecords(Exception):
    """The bytes are no records, or fewer than the batch says."""


class RecordRun(NamedTuple):
    """Whole records, one after the other, as they stand in a batch."""

    data: bytes
    record_count: int


class OversizedRecord(NamedTuple):
    """A record that was not kept whole. Offsets and times are those of the batch, and what it adds."""

    timestamp_delta: int
    offset_delta: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    size: int
    value_size: int | None
    sha256: bytes


class RecordScanner:
    """Scans the records of one batch. `claimed_size`: bytes of the current record, as it says."""

    def __init__(self, pieces: Iterator[bytes], max_bytes: int) -> None:
        self._pieces, self._buffer, self._position = pieces, b"", 0
        self._max_bytes = self._remaining = max_bytes
        self.claimed_size: int | None = None

    def records(self, count: int) -> Generator[RecordRun | OversizedRecord | int, None, None]:
        """So many records; an int is how many bytes were read meanwhile, where nothing came of them yet.

        Raises Broken, Undecodable and DecompressedTooLarge, all that stood before having come.
        """
        if count < 0:
            raise MalformedRecords
        while count:
            run, run_count = self._take_run(count)
            if run_count:
                yield RecordRun(run, run_count)
                count -= run_count
                continue
            length = self._peek_length()
            if length > MAX_RECORD_BYTES:
                self.claimed_size = length
                if self._bytes_until(0) < length:
                    raise DecompressedTooLarge(self._max_bytes)
                yield (yield from self._read_large(length))
                self.claimed_size = None
                count -= 1
            elif not self._read_more():
                raise MalformedRecords
        if self._position < len(self._buffer) or self._read_more():
            raise MalformedRecords

    def _take_run(self, max_records: int) -> tuple[bytes, int]:
        """The whole records in the buffer: how many, in which bytes."""
        buffer, start = self._buffer, self._position
        position, end, record_count = start, len(buffer), 0
        while record_count < max_records and position - start < MAX_RECORD_BYTES:
            shift = zigzag = 0
            cursor = position
            while cursor < end:
                byte = buffer[cursor]
                cursor += 1
                zigzag |= (byte & 0x7F) << shift
                if byte < 0x80 or shift >= 28:
                    break
                shift += 7
            else:
                break  # not even its length is here
            length = (zigzag >> 1) ^ -(zigzag & 1)
            if length < 0:
                if record_count:
                    break
                raise MalformedRecords
            if length > MAX_RECORD_BYTES or cursor + length > end:
                break
            position, record_count = cursor + length, record_count + 1
        self._position = position
        return buffer[start:position], record_count

    def _peek_length(self) -> int:
        """The length of the record that follows, which stays where it is. Reads on until it is there."""
        while self._position == len(self._buffer) or (
            len(self._buffer) - self._position < _MAX_INT_BYTES and self._buffer[-1] >= 0x80
        ):
            if not self._read_more():
                raise MalformedRecords
        position = self._position
        length = self._read_varint(_MAX_INT_BYTES)
        if length <= MAX_RECORD_BYTES:
            self._position = position
        return length

    def _read_more(self) -> bool:
        piece = next(self._pieces, b"")
        self._remaining -= len(piece)
        self._buffer, self._position = self._buffer[self._position :] + piece, 0
        return bool(piece)

    def _read_varint(self, max_bytes: int) -> int:
        zigzag = 0
        for index in range(max_bytes):
            if self._position == len(self._buffer) and not self._read_more():
                raise MalformedRecords
            byte = self._buffer[self._position]
            self._position += 1
            zigzag |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return (zigzag >> 1) ^ -(zigzag & 1)
        raise MalformedRecords

    def _read_large(self, length: int) -> Generator[int, None, OversizedRecord]:
        end = self._end_mark(length)
        self._read_varint(1)  # attributes, which mean nothing yet
        timestamp, offset = self._read_varint(_MAX_LONG_BYTES), self._read_varint(_MAX_INT_BYTES)
        key = yield from self._read_field(end, MAX_KEPT_KEY_BYTES)
        digest = hashlib.sha256()
        size = self._read_field_size(end)
        value = None if size is None else (yield from self._consume(size, MAX_KEPT_VALUE_BYTES, digest))
        byte_budget = MAX_RECORD_BYTES - len(key or b"") - len(value or b"")
        headers = yield from self._read_headers(end, byte_budget)
        yield from self._consume(self._bytes_until(end), 0)
        return OversizedRecord(timestamp, offset, key, value, headers, length, size, digest.digest())

    def _read_headers(self, end: int, byte_budget: int) -> Generator[int, None, list[tuple[str, bytes | None]]]:
        """Its first headers, as long as there is room for them."""
        headers: list[tuple[str, bytes | None]] = []
        count = self._read_varint(_MAX_INT_BYTES)
        if count < 0:
            raise MalformedRecords
        while len(headers) < min(count, MAX_HEADERS) and byte_budget > 0:
            name = yield from self._read_field(end, byte_budget)
            if name is None:
                raise MalformedRecords
            byte_budget -= len(name)
            value = yield from self._read_field(end, byte_budget)
            byte_budget -= len(value or b"")
            headers.append((name.decode("utf-8", "surrogateescape"), value))
        return headers

    def _read_field(self, end: int, max_kept: int) -> Generator[int, None, bytes | None]:
        """The first bytes of a field, its length before it."""
        size = self._read_field_size(end)
        return None if size is None else (yield from self._consume(size, max_kept))

    def _read_field_size(self, end: int) -> int | None:
        size = self._read_varint(_MAX_INT_BYTES)
        if size > self._bytes_until(end):
            raise MalformedRecords
        return size if size >= 0 else None

    def _consume(self, size: int, max_kept: int, digest: Any = None) -> Generator[int, None, bytes]:
        """The next bytes are passed, the first of them kept and all of them hashed."""
        prefix = bytearray()
        while size:
            if self._position == len(self._buffer):
                if not self._read_more():
                    raise MalformedRecords
                yield len(self._buffer)
            part = memoryview(self._buffer)[self._position : self._position + size]
            if digest is not None:
                digest.update(part)
            prefix += part[: max(0, max_kept - len(prefix))]
            self._position += len(part)
            size -= len(part)
        return bytes(prefix)

    def _end_mark(self, length: int) -> int:
        """Where a record ends that begins here and has so many bytes: how many are left to come after it."""
        return self._remaining + len(self._buffer) - self._position - length

    def _bytes_until(self, end: int) -> int:
        """How many bytes there are to it from here."""
        byte_count = self._remaining + len(self._buffer) - self._position - end
        if byte_count < 0:
            raise MalformedRecords
        return byte_count
