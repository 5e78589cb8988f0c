"""The records of a batch of the present format, found in a stream of bytes of which never much is in memory. Pure.

Records of ordinary size come as runs of whole records, for aiokafka's own fast parser. A larger one is walked through:
its beginning is kept, and the rest is counted and hashed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from typing import Any, Final, NamedTuple

from pathline_gateway.kafka.fetch.bounds import HEADERS, KEY_KEPT, RECORD, VALUE_KEPT
from pathline_gateway.kafka.fetch.decompress import PastBound

_LONGEST_INT: Final = 5
_LONGEST_LONG: Final = 10


class Broken(Exception):
    """The bytes are no records, or fewer than the batch says."""


class Run(NamedTuple):
    """Whole records, one after the other, as they stand in a batch."""

    data: bytes
    records: int


class Large(NamedTuple):
    """A record that was not kept whole. Offsets and times are those of the batch, and what it adds."""

    timestamp_delta: int
    offset_delta: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    size: int
    value_size: int | None
    sha256: bytes


class Walk:
    """Walks through the records of one batch. `claimed`: bytes of the record at hand, as it says."""

    def __init__(self, pieces: Iterator[bytes], most: int) -> None:
        self._pieces, self._buffer, self._at = pieces, b"", 0
        self._left = most
        self.claimed: int | None = None

    def records(self, count: int) -> Generator[Run | Large | int, None, None]:
        """So many records; an int is how many bytes were read meanwhile, where nothing came of them yet.

        Raises Broken, Undecodable and PastBound, all that stood before having come.
        """
        if count < 0:
            raise Broken
        while count:
            run, found = self._run(count)
            if found:
                yield Run(run, found)
                count -= found
                continue
            length = self._length()
            if length > RECORD:
                self.claimed = length
                if self._to(0) < length:
                    raise PastBound
                yield (yield from self._large(length))
                self.claimed = None
                count -= 1
            elif not self._more():
                raise Broken
        if self._at < len(self._buffer) or self._more():
            raise Broken

    def _run(self, most: int) -> tuple[bytes, int]:
        """The whole records at hand: how many, in which bytes."""
        buffer, start = self._buffer, self._at
        at, end, found = start, len(buffer), 0
        while found < most and at - start < RECORD:
            shift = zigzag = 0
            after = at
            while after < end:
                byte = buffer[after]
                after += 1
                zigzag |= (byte & 0x7F) << shift
                if byte < 0x80 or shift >= 28:
                    break
                shift += 7
            else:
                break  # not even its length is here
            length = (zigzag >> 1) ^ -(zigzag & 1)
            if length < 0:
                if found:
                    break
                raise Broken
            if length > RECORD or after + length > end:
                break
            at, found = after + length, found + 1
        self._at = at
        return buffer[start:at], found

    def _length(self) -> int:
        """The length of the record that follows, which stays where it is. Reads on until it is there."""
        while self._at == len(self._buffer) or (
            len(self._buffer) - self._at < _LONGEST_INT and self._buffer[-1] >= 0x80
        ):
            if not self._more():
                raise Broken
        at = self._at
        length = self._varint(_LONGEST_INT)
        if length <= RECORD:
            self._at = at
        return length

    def _more(self) -> bool:
        piece = next(self._pieces, b"")
        self._left -= len(piece)
        self._buffer, self._at = self._buffer[self._at :] + piece, 0
        return bool(piece)

    def _varint(self, longest: int) -> int:
        zigzag = 0
        for place in range(longest):
            if self._at == len(self._buffer) and not self._more():
                raise Broken
            byte = self._buffer[self._at]
            self._at += 1
            zigzag |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return (zigzag >> 1) ^ -(zigzag & 1)
        raise Broken

    def _large(self, length: int) -> Generator[int, None, Large]:
        end = self._end(length)
        self._varint(1)  # attributes, which mean nothing yet
        timestamp, offset = self._varint(_LONGEST_LONG), self._varint(_LONGEST_INT)
        key = yield from self._field(end, KEY_KEPT)
        digest = hashlib.sha256()
        size = self._field_size(end)
        value = None if size is None else (yield from self._take(size, VALUE_KEPT, digest))
        room = RECORD - len(key or b"") - len(value or b"")
        headers = yield from self._headers(end, room)
        yield from self._take(self._to(end), 0)
        return Large(timestamp, offset, key, value, headers, length, size, digest.digest())

    def _headers(self, end: int, room: int) -> Generator[int, None, list[tuple[str, bytes | None]]]:
        """Its first headers, as long as there is room for them."""
        headers: list[tuple[str, bytes | None]] = []
        count = self._varint(_LONGEST_INT)
        if count < 0:
            raise Broken
        while len(headers) < min(count, HEADERS) and room > 0:
            name = yield from self._field(end, room)
            if name is None:
                raise Broken
            room -= len(name)
            value = yield from self._field(end, room)
            room -= len(value or b"")
            headers.append((name.decode("utf-8", "surrogateescape"), value))
        return headers

    def _field(self, end: int, keep: int) -> Generator[int, None, bytes | None]:
        """The first bytes of a field, its length before it."""
        size = self._field_size(end)
        return None if size is None else (yield from self._take(size, keep))

    def _field_size(self, end: int) -> int | None:
        size = self._varint(_LONGEST_INT)
        if size > self._to(end):
            raise Broken
        return size if size >= 0 else None

    def _take(self, size: int, keep: int, digest: Any = None) -> Generator[int, None, bytes]:
        """The next bytes are passed, the first of them kept and all of them hashed."""
        kept = bytearray()
        while size:
            if self._at == len(self._buffer):
                if not self._more():
                    raise Broken
                yield len(self._buffer)
            part = memoryview(self._buffer)[self._at : self._at + size]
            if digest is not None:
                digest.update(part)
            kept += part[: max(0, keep - len(kept))]
            self._at += len(part)
            size -= len(part)
        return bytes(kept)

    def _end(self, length: int) -> int:
        """Where a record ends that begins here and has so many bytes: how many are left to come after it."""
        return self._left + len(self._buffer) - self._at - length

    def _to(self, end: int) -> int:
        """How many bytes there are to it from here."""
        to = self._left + len(self._buffer) - self._at - end
        if to < 0:
            raise Broken
        return to
