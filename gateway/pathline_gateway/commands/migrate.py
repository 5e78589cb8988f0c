"""`pathline-gateway migrate`: the schema is that of this version. For the role that owns it."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from pathline_gateway.commands.output import exit_with_error
from pathline_gateway.commands.run_on_database import run_on_connection
from pathline_gateway.postgres.migrate import MigrationError
from pathline_gateway.postgres.migrate import migrate as apply
from pathline_gateway.postgres.partitions import ensure_partitions


def migrate(data: Path | None) -> None:
    """The schema is that of this version; what was done is printed."""

    async def work(connection: asyncpg.Connection) -> int:
        try:
            applied = await apply(connection)
        except MigrationError as error:
            exit_with_error(str(error))
        await ensure_partitions(connection)
        print("\n".join(applied) or "nothing to do")
        return 0

    run_on_connection(data, work)
