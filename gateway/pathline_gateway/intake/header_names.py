"""Kafka records whose header names are no UTF-8 are read like any other.

aiokafka decodes names strictly, so that one such record raises out of the fetch, before anybody can park it: intake
would stand still for every organisation. Here a batch that raises so is read again, from that record on, with every
byte that is no UTF-8 kept as a lone surrogate (PEP 383), from which the bytes can be had again. The codec then accepts
or parks that record alone, as it does any other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH: Final = struct.Struct(">8xi")
"""Where a batch says how many bytes follow: after its base offset."""


def keep_every_header_name() -> None:
    """Every consumer that this process makes from now on reads such records."""
    fetcher.MemoryRecords = _Records


class _Records:
    """The batches of one fetch, as aiokafka's fetcher asks for them."""

    def __init__(self, fetched: bytes) -> None:
        self._fetched, self._position = fetched, 0
        self._strict = MemoryRecords(fetched)

    def size_in_bytes(self) -> int:
        """Of the whole fetch."""
        return int(self._strict.size_in_bytes())

    def has_next(self) -> bool:
        """Whether a whole batch follows."""
        return bool(self._strict.has_next())

    def next_batch(self) -> _Batch:
        """The batch that follows."""
        start = self._position
        (length,) = _LENGTH.unpack_from(self._fetched, start)
        self._position = start + _LENGTH.size + length
        return _Batch(self._strict.next_batch(), self._fetched[start : self._position])


class _Batch:
    """One batch: aiokafka's own, until a header name is in its way."""

    def __init__(self, strict: Any, raw: bytes) -> None:
        self._strict, self._raw = strict, raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._strict, name)

    def __next__(self) -> Any:
        return next(self._strict)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._strict:
                yield record
                read += 1
        except (UnicodeDecodeError, CorruptRecordException) as failed:
            # aiokafka without its compiled parts wraps the one in the other.
            if not isinstance(failed.__cause__ or failed, UnicodeDecodeError):
                raise
            yield from islice(_LenientBatch(self._raw), read, None)


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch whose header names may hold any bytes."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Names(self._buffer)


class _Names(bytearray):
    """Bytes that decode, whatever they hold. Header names are all that is ever decoded of a batch."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Names(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        """Text, and a lone surrogate for each byte that is none."""
        return super().decode(encoding, errors)
