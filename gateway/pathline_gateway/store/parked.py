"""Records that could not be accepted, kept as they came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

_INSERT = """
insert into parked (log_epoch, topic, partition, "offset", at, key, value, header_names, header_values,
    reason, field, detail, org)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
on conflict do nothing
"""


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A row of `parked`, in the order of its columns."""

    log_epoch: int
    topic: str
    partition: int
    offset: int
    at: datetime | None
    key: bytes | None
    value: bytes | None
    header_names: list[str]
    header_values: list[bytes | None]
    reason: str
    field: str | None
    detail: str
    org: str | None


async def park(connection: asyncpg.Connection, rows: Sequence[ParkedRow]) -> None:
    """These records are parked."""
    await connection.executemany(_INSERT, [tuple(getattr(row, name) for name in ParkedRow.__slots__) for row in rows])
