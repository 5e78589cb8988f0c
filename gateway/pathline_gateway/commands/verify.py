"""`pathline-gateway verify`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncpg

from pathline_gateway.commands.database_address import open_connection
from pathline_gateway.commands.output import EXIT_NOT_LOOKED, exit_with_error, print_result
from pathline_gateway.embedded import EmbeddedError
from pathline_gateway.integrity.verify.check import Check
from pathline_gateway.integrity.verify.run import verify_all as verified
from pathline_gateway.postgres.pool import DatabaseUnavailable


def verify(data: Path | None, as_json: bool) -> None:
    """Recomputes and compares; says what differs, and ends the process with the exit code."""
    try:
        checks = asyncio.run(_run_checks(data))
    except (EmbeddedError, DatabaseUnavailable) as error:
        exit_with_error(str(error), EXIT_NOT_LOOKED)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        exit_with_error(
            f"not verified: Postgres failed ({type(error).__name__}): look at its log, then try again", EXIT_NOT_LOOKED
        )
    different = sum(check.differing_count for check in checks)
    document = {"different": different, "checks": [check.as_document for check in checks]}
    print_result([check.summary_line for check in checks], document, as_json)
    sys.exit(1 if different else 0)


async def _run_checks(data: Path | None) -> list[Check]:
    async with open_connection(data) as connection:
        return await verified(connection)
