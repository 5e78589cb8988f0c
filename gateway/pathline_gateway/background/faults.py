"""Whether a record is at fault, or the work, the database or the broker."""

from __future__ import annotations

from typing import Final

import asyncpg
from aiokafka.errors import KafkaError

from pathline_gateway.background.error_classification import is_of_the_data, name_of
from pathline_gateway.postgres.pool import UNAVAILABLE

_LONGEST: Final = 120


class WorkFails(Exception):
    """What was well before fails, too: the work is at fault, and no record is."""

    def __init__(self, failed: Exception) -> None:
        super().__init__()
        self.failed = failed


class Postponed(Exception):
    """What is at hand has to wait for something else: nothing is at fault."""


def concerns_record(failed: Exception) -> bool:
    """Whether trying again would fail again, and only for what was at hand."""
    return not isinstance(failed, WorkFails | Postponed | KafkaError | MemoryError) and is_of_the_data(failed)


def is_outage(failed: Exception) -> bool:
    """Whether Postgres or the broker is away, busy or full."""
    if isinstance(failed, asyncpg.PostgresError) and not isinstance(failed, UNAVAILABLE):
        # Resources, what an operator does, and what two transactions do to each other.
        return (failed.sqlstate or "")[:2] in ("08", "40", "53", "55", "57")
    return isinstance(failed, (KafkaError, OSError, MemoryError, *UNAVAILABLE)) and not concerns_record(failed)


def reason_of(failed: Exception) -> str:
    """A stable word or the class of the error: never its message, which may hold a value."""
    if isinstance(failed, WorkFails):
        return reason_of(failed.failed)
    if isinstance(failed, KafkaError):
        return "broker-unavailable"
    if is_outage(failed):
        return "database-unavailable"
    return name_of(failed)[:_LONGEST]
