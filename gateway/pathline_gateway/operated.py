"""The database that an operator's command is about: a named one, or that of a one-machine gateway, at work or not."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NoReturn

import asyncpg

from pathline_gateway import embedded
from pathline_gateway.settings import Settings
from pathline_gateway.store.connect import DatabaseUnavailable

FAILED = 2
"""Exit code of a command that could not do its work; 1 says that it did, and found something."""


class NothingThere(Exception):
    """The directory holds no data of an embedded gateway."""

    reason = "nothing-there"


@contextlib.asynccontextmanager
async def connected(data: Path | None) -> AsyncIterator[asyncpg.Connection]:
    """A connection without a time limit, to the database of this data directory, or to PATHLINE_DATABASE.

    Raises NothingThere, EmbeddedError or DatabaseUnavailable.
    """
    async with contextlib.AsyncExitStack() as stack:
        database = Settings().database if data is None else await _of(data, stack)
        try:
            connection = await asyncpg.connect(database, server_settings={"application_name": "pathline-gateway"})
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
            why = getattr(failed, "sqlstate", None) or type(failed).__name__
            raise DatabaseUnavailable(
                f"Postgres cannot be reached ({why}): set PATHLINE_DATABASE, or give --data of a one-machine gateway"
            ) from None
        stack.push_async_callback(connection.close)
        yield connection


async def _of(data: Path, stack: contextlib.AsyncExitStack) -> str:
    """The address of its Postgres, which is started for this command when no gateway runs it."""
    if (machine := embedded.found(data)) is not None:
        return machine.database
    if not (data.expanduser() / "postgres").is_dir():
        raise NothingThere("no gateway has kept data in that directory: look at --data")
    return (await stack.enter_async_context(embedded.running(data))).database


def fail(why: str) -> NoReturn:
    """Says why on stderr, and ends."""
    print(f"pathline-gateway: {why}", file=sys.stderr)
    sys.exit(FAILED)


def say(lines: list[str], document: Mapping[str, object], as_json: bool) -> None:
    """Tells a person, or a program."""
    print(json.dumps(document) if as_json else "\n".join(lines))
