"""Connections to Postgres."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg

from pathline_gateway.store.register import Known

UNAVAILABLE: Final = (
    ConnectionError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
)
"""What is raised while Postgres is away, starts, stops or is full: the same request may succeed later."""


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection, with what it has seen of the register.

    A database that is put back to an earlier state, or taken over by a replica, drops its connections: what was
    remembered of rows that are no more, or of numbers that others have now, goes with them.
    """

    __slots__ = ("known",)

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.known = Known()


class DatabaseUnavailable(Exception):
    """Postgres cannot be reached, or lets nobody in. `str()` says why, without the address: it may hold a password."""


@contextlib.asynccontextmanager
async def connected(database: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool of connections. Raises DatabaseUnavailable."""
    try:
        pool = await asyncpg.create_pool(
            database,
            min_size=2,
            max_size=12,
            command_timeout=60,
            connection_class=Connection,
            reset=_nothing_to_reset,
        )
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
        raise DatabaseUnavailable(
            f"Postgres cannot be reached ({_why(failed)}): look at PATHLINE_DATABASE, or use --embedded on one machine"
        ) from None
    try:
        yield pool
    finally:
        await pool.close()


async def _nothing_to_reset(_: asyncpg.Connection) -> None:
    """We leave no state in a session: locks and settings are a transaction's. The usual reset is a round trip a use."""


def _why(failed: Exception) -> str:
    if isinstance(failed, OSError):
        return failed.strerror or type(failed).__name__
    return getattr(failed, "sqlstate", None) or type(failed).__name__
