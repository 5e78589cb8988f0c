"""How much of what Kafka has is read: the numbers, and why they are what they are."""

from __future__ import annotations

from typing import Final

from pathline.cloudevent import MAX_EVENT_BYTES

RECORD: Final = MAX_EVENT_BYTES
"""Bytes of a record that is read whole, and of a parked one that is kept: no event is larger."""
HEADERS: Final = 256
"""Headers of a record that is read whole: each costs a hundred bytes of memory, and two in the log."""
HEADER_COST: Final = 20
"""Bytes of others that are read in the time that one header takes."""
KEY_KEPT: Final = 10_000
VALUE_KEPT: Final = 900_000
"""Bytes that are kept of the key and of the value of a larger record; its headers have the rest."""

PIECE: Final = 256 * 1_024
"""Bytes that are decompressed at once."""
POLL: Final = 8 * 1_024 * 1_024
"""Bytes of all partitions that one poll reads: so much is in memory at once, and everybody else waits as long."""
SNAPPY_BLOCK: Final = 64 * 1_024 * 1_024
"""Bytes of one block of snappy, which cannot be read in pieces."""
ZSTD_WINDOW: Final = 128 * 1_024 * 1_024
"""Bytes that a zstd stream may refer back to: as many as its highest level needs. Only what is made is in memory."""
_BATCH: Final = 64 * 1_024 * 1_024
_RATIO: Final = 100

PARTITION_FETCH: Final = 1_024 * 1_024
FETCH: Final = 16 * 1_024 * 1_024
"""Bytes that the broker sends at once, of one partition and of all; a single batch that is larger comes whole."""


def decompressed(compressed: int) -> int:
    """The most bytes that are made of a batch of so many: work grows with what was sent, and not with what it claims.

    Text of events becomes 10 to 50 times smaller; zeros become 32,000 times smaller.
    """
    return max(_BATCH, _RATIO * compressed)
