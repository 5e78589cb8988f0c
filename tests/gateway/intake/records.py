"""A consumed record, as tests make it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ConsumedRecord:
    """What intake reads of a record of aiokafka."""

    topic: str
    partition: int
    offset: int = 0
    timestamp: int = 1_700_000_000_000
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
