"""Runs the work of an operator's command on its database and ends the process, with a line for each known failure.

`database_address.py` finds the database.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn

import asyncpg
import uvloop

from pathline_gateway.commands.database_address import resolve_dsn
from pathline_gateway.commands.output import exit_with_error
from pathline_gateway.embedded import EmbeddedError
from pathline_gateway.postgres.pool import DatabaseUnavailable, open_pool

_WRONG_SCHEMA = (
    "the database has not the schema of this version: start `pathline-gateway up` of this version on it once"
)
_STATEMENT_FAILED = "the database did not do it ({}): nothing was changed that is not said above"


def run_on_connection(data: Path | None, work: Callable[[asyncpg.Connection], Awaitable[int]]) -> NoReturn:
    """The work is done and the process ends with its code; a failure is one line on stderr and code 1."""

    async def with_connection(pool: asyncpg.Pool) -> int:
        async with pool.acquire() as connection:
            return await work(connection)

    run_on_pool(data, with_connection)


def run_on_pool(data: Path | None, work: Callable[[asyncpg.Pool], Awaitable[int]]) -> NoReturn:
    """As `run_on_connection`, for work that needs several connections."""
    try:
        code = uvloop.run(_run(data, work))
    except (EmbeddedError, DatabaseUnavailable) as error:
        exit_with_error(str(error))
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        exit_with_error(_WRONG_SCHEMA)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        exit_with_error(_STATEMENT_FAILED.format(getattr(error, "sqlstate", None) or type(error).__name__))
    sys.exit(code)


async def _run(data: Path | None, work: Callable[[asyncpg.Pool], Awaitable[int]]) -> int:
    async with resolve_dsn(data) as dsn, open_pool(dsn) as pool:
        return await work(pool)
