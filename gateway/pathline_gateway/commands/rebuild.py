"""`pathline-gateway rebuild`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path

import asyncpg

from pathline_gateway.commands.database_address import open_connection
from pathline_gateway.commands.output import EXIT_NOT_LOOKED, exit_with_error, print_result
from pathline_gateway.embedded import EmbeddedError
from pathline_gateway.integrity.rebuild.projection import Difference
from pathline_gateway.integrity.rebuild.run import AnotherRebuild, CannotSwitch
from pathline_gateway.integrity.rebuild.run import rebuild as rebuilt
from pathline_gateway.postgres.pool import DatabaseUnavailable

_MAX_PATHWAYS_SHOWN = 5


def rebuild(data: Path | None, dry_run: bool, as_json: bool) -> None:
    """Builds again, says what differs, switches, and ends the process with the exit code."""
    try:
        differences = asyncio.run(_run_rebuild(data, dry_run))
    except (EmbeddedError, DatabaseUnavailable, AnotherRebuild, CannotSwitch) as error:
        exit_with_error(str(error), EXIT_NOT_LOOKED)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        exit_with_error(
            f"nothing was changed: Postgres failed ({type(error).__name__}): look at its log, then try again",
            EXIT_NOT_LOOKED,
        )
    document = {"switched": not dry_run, "projections": [asdict(each) for each in differences]}
    print_result([_line(each) for each in differences], document, as_json)
    sys.exit(1 if dry_run and any(each.differing_count for each in differences) else 0)


async def _run_rebuild(data: Path | None, dry_run: bool) -> list[Difference]:
    async with open_connection(data) as connection:
        return await rebuilt(connection, dry_run=dry_run)


def _line(difference: Difference) -> str:
    pathway_names = f": {' '.join(difference.pathways[:_MAX_PATHWAYS_SHOWN])}" if difference.pathways else ""
    counts = f"{difference.compared_count:>10} compared {difference.differing_count:>8} different"
    return f"{difference.projection:<11} {counts}{pathway_names}"
