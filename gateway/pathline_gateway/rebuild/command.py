"""`pathline-gateway rebuild`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import asyncpg
from cyclopts import Parameter

from pathline_gateway.embedded import EmbeddedError
from pathline_gateway.operated import connected, fail, say
from pathline_gateway.rebuild.projection import Difference
from pathline_gateway.rebuild.run import AnotherRebuild, CannotSwitch
from pathline_gateway.rebuild.run import rebuild as rebuilt
from pathline_gateway.store.connect import DatabaseUnavailable

_SHOWN = 5


def rebuild(
    *,
    data: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Builds what is derived again beside the live tables, says what differs, and switches in one transaction.

    The gateway may work meanwhile. Interrupted at any point, it leaves everything as it was. Exit code 0: what is live
    is now what was rebuilt (or, with --dry-run, nothing differs); 1: a dry run found differences; 2: it failed.

    Parameters
    ----------
    data
        Data directory of a one-machine gateway, running or stopped; PATHLINE_DATABASE when nothing is said.
    dry_run
        Only compare.
    as_json
        One JSON document instead of a line a projection.
    """
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
