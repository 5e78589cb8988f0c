"""Whether Postgres failed over a value of a record, by its SQLSTATE: if so, the batch would fail for ever.

`faults.py` asks this, and tells outages and the errors of the broker apart as well.
"""

from __future__ import annotations

import asyncpg

_DATA_ERROR_CLASSES = ("22", "23", "54")
"""SQLSTATE classes that say that a value is at fault. These are data exception, integrity constraint violation, and a
value too large for, say, a row of an index."""
_MISSING_PARTITION_MESSAGE = "no partition of relation"


class Unstorable(Exception):
    """The database does not take this record, though it keeps its contract: a fault of ours, and never its batch's."""

    reason = "unstorable"


def is_data_error(error: Exception) -> bool:
    """Whether a record is at fault, so that its batch would fail for ever; else trying again may help.

    A month without its partition is no fault of a record. Neither is a missing table, a full disk or a read-only
    database. Those stop intake, loudly, and park nothing.
    """
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state.startswith(_DATA_ERROR_CLASSES) and _MISSING_PARTITION_MESSAGE not in str(error)
    if isinstance(error, asyncpg.InterfaceError):
        return isinstance(error, ValueError)  # the driver could not encode it
    # The driver's own troubles: no server of the list takes writes just now, or an answer that was cut.
    return not isinstance(error, OSError | TimeoutError | asyncpg.InternalClientError)


def is_connection_lost(error: Exception) -> bool:
    """Whether the connection broke over it: so does Postgres hang up on a message that is too long."""
    return isinstance(error, asyncpg.ConnectionDoesNotExistError | asyncpg.ConnectionFailureError | ConnectionError)
