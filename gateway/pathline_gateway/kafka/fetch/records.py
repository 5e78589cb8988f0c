"""Records that are not read whole: one that is too large and is cut, and those that cannot be read at all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pathline_gateway.kafka.fetch.bounds import MAX_HEADERS, MAX_KEPT_KEY_BYTES, MAX_KEPT_VALUE_BYTES, MAX_RECORD_BYTES
from pathline_gateway.kafka.offset_repository import Partition

TOO_LARGE = "too-large"
UNREADABLE_BATCH = "unreadable-batch"


@dataclass(frozen=True, slots=True)
class CutRecord:
    """A record that no event can be: its first bytes, and what the rest comes to."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    """Its first bytes."""
    headers: Sequence[tuple[str, bytes | None]]
    """Its first ones."""
    size: int
    """Bytes of the whole record."""
    value_size: int | None
    """Bytes of its value; None where it has none."""
    sha256: bytes
    """Of its value, all of it."""
    reason = TOO_LARGE

    @property
    def detail(self) -> str:
        """What is wrong and what to do."""
        return (
            f"the record has over {MAX_RECORD_BYTES:,} bytes or over {MAX_HEADERS} headers. Only its beginning is "
            "kept, and it cannot be replayed; refer to documents with dataref"
        )


def cut_record(
    partition: Partition,
    offset: int,
    timestamp: int,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes | None]],
) -> CutRecord:
    """A record that was read whole, cut."""
    size = len(key or b"") + len(value or b"")
    size += sum(
        len(name.encode("utf-8", "surrogateescape")) + len(header_value or b"") for name, header_value in headers
    )
    return CutRecord(
        *partition,
        offset,
        timestamp,
        None if key is None else key[:MAX_KEPT_KEY_BYTES],
        None if value is None else value[:MAX_KEPT_VALUE_BYTES],
        tuple(headers[:MAX_HEADERS]),
        size,
        None if value is None else len(value),
        hashlib.sha256(value or b"").digest(),
    )


@dataclass(frozen=True, slots=True)
class UnreadRecords:
    """Records of one batch that nobody has read: where they are, and why."""

    topic: str
    partition: int
    first_offset: int
    offset: int
    """Of the last of them: whoever has them has read up to here."""
    size: int
    """Bytes that the first of them claims to have; of the batch in the log where that cannot be told."""
    sha256: bytes
    """Of the batch as it stands in the log."""
    reason: str
    detail: str
    timestamp: int = -1
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()
