"""`pathline-gateway verify`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncpg

from pathline_gateway.commands.database_address import fail, open_connection, print_result
from pathline_gateway.embedded import EmbeddedError
from pathline_gateway.integrity.verify.check import Check
from pathline_gateway.integrity.verify.run import verify_all as verified
from pathline_gateway.postgres.pool import DatabaseUnavailable


def verify(data: Path | None, as_json: bool) -> None:
    """Recomputes and compares; says what differs, and ends the process with the exit code."""
    try:
        checks = asyncio.run(_run_checks(data))
    except (EmbeddedError, DatabaseUnavailable) as error:
        fail(str(error))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        fail(f"not verified: Postgres failed ({type(error).__name__}): look at its log, then try again")
    different = sum(check.differing_count for check in checks)
    document = {"different": different, "checks": [check.as_document for check in checks]}
    print_result([check.summary_line for check in checks], document, as_json)
    sys.exit(1 if different else 0)


async def _run_checks(data: Path | None) -> list[Check]:
    async with open_connection(data) as connection:
        return await verified(connection)
