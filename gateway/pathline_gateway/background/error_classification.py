"""What a failed transaction means for its batch: try again, or look for the record that cannot be stored."""

from __future__ import annotations

import asyncpg

_DATA = ("22", "23", "54")
"""SQLSTATE classes that say that a value is at fault: data exception, integrity constraint violation, and too large for
something, such as a row of an index."""
_NO_PARTITION = "no partition of relation"


class Unstorable(Exception):
    """The database does not take this record, though it keeps its contract: a fault of ours, and never its batch's."""

    reason = "unstorable"


def is_of_the_data(failed: Exception) -> bool:
    """Whether a record is at fault, so that its batch would fail for ever; else trying again may help.

    A month without its partition is no fault of a record. Neither is a table that is missing, a full disk or a
    database that only reads: those stop intake, loudly, and park nothing.
    """
    if isinstance(failed, asyncpg.PostgresError):
        state = failed.sqlstate or ""
        return state.startswith(_DATA) and _NO_PARTITION not in str(failed)
    if isinstance(failed, asyncpg.InterfaceError):
        return isinstance(failed, ValueError)  # the driver could not encode it
    # The driver's own troubles: no server of the list takes writes just now, or an answer that was cut.
    return not isinstance(failed, OSError | TimeoutError | asyncpg.InternalClientError)


def is_cut(failed: Exception) -> bool:
    """Whether the connection broke over it: so does Postgres hang up on a message that is too long."""
    return isinstance(failed, asyncpg.ConnectionDoesNotExistError | asyncpg.ConnectionFailureError | ConnectionError)


def name_of(failed: Exception) -> str:
    """What a log line may say of it: its class, and its SQLSTATE where it has one; never its message."""
    state = getattr(failed, "sqlstate", None)
    return f"{type(failed).__name__} ({state})" if state else type(failed).__name__
