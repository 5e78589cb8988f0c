"""Whose fault an exception of a background work is: a record's, the work's own, or an outage of Postgres or broker."""

from __future__ import annotations

from typing import Final

import asyncpg
from aiokafka.errors import KafkaError

from pathline_gateway.background.data_errors import is_data_error
from pathline_gateway.log_cause import error_label
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS

_MAX_REASON_LENGTH: Final = 120


class WorkFails(Exception):
    """What was well before fails, too: the work is at fault, and no record is."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class Postponed(Exception):
    """The current piece of work has to wait for something else: nothing is at fault."""


def concerns_record(error: Exception) -> bool:
    """Whether another try would fail again, and only for the records of this one."""
    return not isinstance(error, WorkFails | Postponed | KafkaError | MemoryError) and is_data_error(error)


def is_outage(error: Exception) -> bool:
    """Whether Postgres or the broker is away, busy or full."""
    if isinstance(error, asyncpg.PostgresError) and not isinstance(error, UNAVAILABLE_ERRORS):
        # Resources, what an operator does, and what two transactions do to each other.
        return (error.sqlstate or "")[:2] in ("08", "40", "53", "55", "57")
    return isinstance(error, (KafkaError, OSError, MemoryError, *UNAVAILABLE_ERRORS)) and not concerns_record(error)


def absent_component(error: Exception) -> str:
    """What is away, where this is an outage."""
    return "The broker" if isinstance(error, KafkaError) else "Postgres"


def error_reason(error: Exception) -> str:
    """A stable word or the class of the error: never its message, which may hold a value."""
    if isinstance(error, WorkFails):
        return error_reason(error.cause)
    if isinstance(error, KafkaError):
        return "broker-unavailable"
    if is_outage(error):
        return "database-unavailable"
    return error_label(error)[:_MAX_REASON_LENGTH]
