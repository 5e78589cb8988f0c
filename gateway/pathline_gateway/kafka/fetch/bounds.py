"""How much of what Kafka has is read: the numbers, and why they are what they are."""

from __future__ import annotations

from typing import Final

from pathline.cloudevent import MAX_EVENT_BYTES

MAX_RECORD_BYTES: Final = MAX_EVENT_BYTES
"""Bytes of a record that is read whole, and of a parked one that is kept: no event is larger."""
MAX_HEADERS: Final = 256
"""Headers of a record that is read whole: each costs a hundred bytes of memory, and two in the log."""
HEADER_COST_BYTES: Final = 20
"""Bytes of others that are read in the time that one header takes."""
MAX_KEPT_KEY_BYTES: Final = 10_000
MAX_KEPT_VALUE_BYTES: Final = 900_000
"""Bytes that are kept of the key and of the value of a larger record; its headers have the rest."""

PIECE_BYTES: Final = 256 * 1_024
"""Bytes that are decompressed at once."""
MAX_POLL_BYTES: Final = 8 * 1_024 * 1_024
"""Bytes of all partitions that one poll reads: so much is in memory at once, and everybody else waits as long."""
MAX_SNAPPY_BLOCK_BYTES: Final = 64 * 1_024 * 1_024
"""Bytes of one block of snappy, which cannot be read in pieces."""
MAX_ZSTD_WINDOW_BYTES: Final = 128 * 1_024 * 1_024
"""Bytes that a zstd stream may refer back to: as many as its highest level needs. Only what is made is in memory."""
_MIN_DECOMPRESSED_BOUND: Final = 64 * 1_024 * 1_024
_MAX_COMPRESSION_RATIO: Final = 100

MAX_PARTITION_FETCH_BYTES: Final = 1_024 * 1_024
MAX_FETCH_BYTES: Final = 16 * 1_024 * 1_024
"""Bytes that the broker sends at once, of one partition and of all; a single batch that is larger comes whole."""


def max_decompressed_bytes(compressed_bytes: int) -> int:
    """The most bytes that a batch of so many may become: work grows with the bytes sent, whatever size they claim.

    Text of events becomes 10 to 50 times smaller; zeros become 32,000 times smaller.
    """
    return max(_MIN_DECOMPRESSED_BOUND, _MAX_COMPRESSION_RATIO * compressed_bytes)
