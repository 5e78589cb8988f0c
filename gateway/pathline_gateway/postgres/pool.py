"""Connections to Postgres."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import asyncpg

from pathline_gateway.log_cause import because
from pathline_gateway.postgres.registry_cache import RegistryCache

_log = logging.getLogger(__name__)

UNAVAILABLE_ERRORS: Final = (
    ConnectionError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    # A connection that Postgres closed while this process was stopped, used before its end was read.
    asyncpg.InternalClientError,
)
"""What is raised while Postgres is away, starts, stops or is full: the same request may succeed later."""


class RegistryConnection(asyncpg.Connection):  # type: ignore[misc]
    """A connection, with what it has seen of the register.

    A database that is restored, or taken over by a replica, drops its connections. The cache of rows that are gone, or
    of numbers that others have now, goes with them.
    """

    __slots__ = ("known",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = RegistryCache()


class DatabaseUnavailable(Exception):
    """Postgres cannot be reached, or lets nobody in. `str()` says why, without the address: it may hold a password."""


@dataclass(frozen=True, slots=True)
class PoolUse:
    """What a pool is for. Each has connections of its own: none takes those of another."""

    name: str
    connections: int
    acquire_timeout_s: float
    """Longest wait for one of them."""
    statement_timeout_s: float
    """Longest that one statement may take."""
    has_server_timeout: bool = False
    """Postgres ends the statement, too, should nobody be there to do so."""


BACKGROUND: Final = PoolUse("work", 12, 60, 60)
"""For what goes on beside the requests, and for commands."""


_CANCEL_TIMEOUT_S: Final = 5.0
"""How long Postgres may take to end a statement that was given up; then its connection is closed."""

_CLOSE_TIMEOUT_S: Final = 10.0
"""How long Postgres may take to close the connections of a process that ends; then they are dropped."""


def session_name() -> str:
    """What the names of this process's connections end with, in `pg_stat_activity`: others can tell whose they are."""
    return _session_name_of(os.getpid())


@cache
def _session_name_of(_process: int) -> str:
    return secrets.token_hex(4)  # another in a process that was forked


class NoConnection(TimeoutError):
    """All connections of this pool are in use, or Postgres gives none."""


class Pool(asyncpg.Pool):  # type: ignore[misc]
    """Connections for one use: whoever waits for one waits so long, and not for ever."""

    __slots__ = ("_release_tasks", "use")

    def __init__(self, database: str, use: PoolUse) -> None:
        self.use = use
        self._release_tasks = set[asyncio.Task[None]]()
        settings = {"application_name": f"pathline-gateway {use.name} {session_name()}"}
        if use.has_server_timeout:
            settings["statement_timeout"] = str(round(use.statement_timeout_s * 1_000))
        super().__init__(
            database,
            min_size=min(2, use.connections),
            max_size=use.connections,
            max_queries=50_000,
            max_inactive_connection_lifetime=300.0,
            loop=None,
            connection_class=RegistryConnection,
            record_class=asyncpg.Record,
            reset=_skip_reset,
            command_timeout=use.statement_timeout_s,
            server_settings=settings,
        )

    async def _acquire(self, timeout: float | None) -> Any:
        idle = self._queue._queue
        if timeout is None and idle and idle[-1].is_connected():
            return await super()._acquire(None)  # at hand: nothing is waited for
        # asyncpg's own limit of time makes a task for each connection that is asked for.
        try:
            async with asyncio.timeout(self.use.acquire_timeout_s if timeout is None else timeout):
                return await super()._acquire(None)
        except TimeoutError:
            raise NoConnection from None

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:
        """It may be used by somebody else. Where a statement was given up nobody waits for Postgres to end it."""
        if connection._con is None or not connection._con._protocol._is_cancelling():
            # Nothing is awaited of Postgres then: a limit of time would only cost.
            await super().release(connection, timeout=timeout)
            return
        seconds = min(self.use.acquire_timeout_s, _CANCEL_TIMEOUT_S) if timeout is None else timeout
        release_task = asyncio.get_running_loop().create_task(super().release(connection, timeout=seconds))
        self._release_tasks.add(release_task)
        release_task.add_done_callback(self._on_released)

    def _on_released(self, task: asyncio.Task[None]) -> None:
        self._release_tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.info(
                "a connection was closed: its statement could not be ended (%s)",
                type(error).__name__,
                extra=because(error),
            )


@contextlib.asynccontextmanager
async def open_pool(database: str, use: PoolUse = BACKGROUND) -> AsyncIterator[asyncpg.Pool]:
    """A pool of connections. Raises DatabaseUnavailable."""
    try:
        pool = await Pool(database, use)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(
            f"Postgres cannot be reached ({_describe_failure(error)}): look at PATHLINE_DATABASE, or use --embedded "
            "on one machine"
        ) from None
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await pool.close()
        except TimeoutError:
            pool.terminate()


async def _skip_reset(_: asyncpg.Connection) -> None:
    """We leave no state in a session: locks and settings are a transaction's. The usual reset is a round trip a use."""


def _describe_failure(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return getattr(error, "sqlstate", None) or type(error).__name__
