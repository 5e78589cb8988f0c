"""The database that a command works on: the one of PATHLINE_DATABASE, or the one that an embedded gateway keeps."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn

import asyncpg
import uvloop

from pathline_gateway.commands.database_address import address
from pathline_gateway.embedded import EmbeddedError
from pathline_gateway.postgres.pool import DatabaseUnavailable, connected

_OTHER_SCHEMA = (
    "the database has not the schema of this version: start `pathline-gateway up` of this version on it once"
)
_FAILED = "the database did not do it ({}): nothing was changed that is not said above"


def on_database(data: Path | None, work: Callable[[asyncpg.Connection], Awaitable[int]]) -> NoReturn:
    """The work is done and the process ends with its code; a failure is one line on stderr and code 1."""

    async def with_one(pool: asyncpg.Pool) -> int:
        async with pool.acquire() as connection:
            return await work(connection)

    on_pool(data, with_one)


def on_pool(data: Path | None, work: Callable[[asyncpg.Pool], Awaitable[int]]) -> NoReturn:
    """As `on_database`, for work that needs several connections."""
    try:
        code = uvloop.run(_done(data, work))
    except (EmbeddedError, DatabaseUnavailable) as failed:
        end(str(failed))
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        end(_OTHER_SCHEMA)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
        end(_FAILED.format(getattr(failed, "sqlstate", None) or type(failed).__name__))
    sys.exit(code)


def end(why: str) -> NoReturn:
    """The process ends, and says why in one line."""
    sys.exit(f"pathline-gateway: {why}")


async def _done(data: Path | None, work: Callable[[asyncpg.Pool], Awaitable[int]]) -> int:
    async with address(data) as dsn, connected(dsn) as pool:
        return await work(pool)
