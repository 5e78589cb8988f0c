"""Where the database of an operator's command is, and one connection to it: PATHLINE_DATABASE, or that of `--data`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg

from pathline_gateway.embedded.standalone_database import open_database as embedded_database
from pathline_gateway.postgres.pool import DatabaseUnavailable
from pathline_gateway.settings import Settings


@contextlib.asynccontextmanager
async def open_connection(data: Path | None) -> AsyncIterator[asyncpg.Connection]:
    """A connection without a time limit, to the database of this data directory, or to PATHLINE_DATABASE.

    Raises EmbeddedError or DatabaseUnavailable.
    """
    async with resolve_dsn(data) as dsn, contextlib.AsyncExitStack() as stack:
        try:
            connection = await asyncpg.connect(dsn, server_settings={"application_name": "pathline-gateway"})
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            reason = getattr(error, "sqlstate", None) or type(error).__name__
            raise DatabaseUnavailable(
                f"Postgres cannot be reached ({reason}): set PATHLINE_DATABASE, or give --data of a one-machine gateway"
            ) from None
        stack.push_async_callback(connection.close)
        yield connection


@contextlib.asynccontextmanager
async def resolve_dsn(data: Path | None) -> AsyncIterator[str]:
    """The database's address: PATHLINE_DATABASE, or of this directory, started for the command if nobody runs it.

    Raises EmbeddedError.
    """
    if data is None:
        yield Settings().database
        return
    async with embedded_database(data) as dsn:
        yield dsn
