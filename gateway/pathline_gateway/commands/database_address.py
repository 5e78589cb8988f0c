"""The database that an operator's command is about: a named one, or that of a one-machine gateway, at work or not."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NoReturn

import asyncpg

from pathline_gateway.embedded.standalone_database import open_database as embedded_database
from pathline_gateway.postgres.pool import DatabaseUnavailable
from pathline_gateway.settings import Settings

EXIT_FAILED = 2
"""Exit code of a command that could not do its work; 1 says that it did, and found something."""


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


def fail(reason: str) -> NoReturn:
    """Says why on stderr, and ends."""
    print(f"pathline-gateway: {reason}", file=sys.stderr)
    sys.exit(EXIT_FAILED)


def print_result(lines: list[str], document: Mapping[str, object], as_json: bool) -> None:
    """Tells a person, or a program."""
    print(json.dumps(document) if as_json else "\n".join(lines))
