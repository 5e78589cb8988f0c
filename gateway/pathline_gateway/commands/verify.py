"""`pathline-gateway verify`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncpg

from pathline_gateway.commands.database_address import connected, fail, say
from pathline_gateway.embedded import EmbeddedError
from pathline_gateway.integrity.verify.check import Check
from pathline_gateway.integrity.verify.run import verify as verified
from pathline_gateway.postgres.pool import DatabaseUnavailable


def verify(data: Path | None, as_json: bool) -> None:
    """Recomputes and compares; says what differs, and ends the process with the exit code."""
    try:
        checks = asyncio.run(_checks(data))
    except (EmbeddedError, DatabaseUnavailable) as failed:
        fail(str(failed))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
        fail(f"not verified: Postgres failed ({type(failed).__name__}): look at its log, then try again")
    different = sum(check.different for check in checks)
    document = {"different": different, "checks": [check.document for check in checks]}
    say([check.line for check in checks], document, as_json)
    sys.exit(1 if different else 0)


async def _checks(data: Path | None) -> list[Check]:
    async with connected(data) as connection:
        return await verified(connection)
