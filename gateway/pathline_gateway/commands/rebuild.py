"""`pathline-gateway rebuild`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path

import asyncpg

from pathline_gateway.commands.database_address import connected, fail, say
from pathline_gateway.embedded import EmbeddedError
from pathline_gateway.integrity.rebuild.projection import Difference
from pathline_gateway.integrity.rebuild.run import AnotherRebuild, CannotSwitch
from pathline_gateway.integrity.rebuild.run import rebuild as rebuilt
from pathline_gateway.postgres.pool import DatabaseUnavailable

_SHOWN = 5


def rebuild(data: Path | None, dry_run: bool, as_json: bool) -> None:
    """Builds again, says what differs, switches, and ends the process with the exit code."""
    try:
        found = asyncio.run(_found(data, dry_run))
    except (EmbeddedError, DatabaseUnavailable, AnotherRebuild, CannotSwitch) as failed:
        fail(str(failed))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
        fail(f"nothing was changed: Postgres failed ({type(failed).__name__}): look at its log, then try again")
    document = {"switched": not dry_run, "projections": [asdict(each) for each in found]}
    say([_line(each) for each in found], document, as_json)
    sys.exit(1 if dry_run and any(each.different for each in found) else 0)


async def _found(data: Path | None, dry_run: bool) -> list[Difference]:
    async with connected(data) as connection:
        return await rebuilt(connection, dry_run=dry_run)


def _line(found: Difference) -> str:
    named = f": {' '.join(found.pathways[:_SHOWN])}" if found.pathways else ""
    return f"{found.projection:<11} {found.compared:>10} compared {found.different:>8} different{named}"
