"""`pathline-gateway migrate`: the schema is that of this version. For the role that owns it."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from pathline_gateway.commands.database import end, on_database
from pathline_gateway.postgres.migrate import MigrationError
from pathline_gateway.postgres.migrate import migrate as apply
from pathline_gateway.postgres.partitions import ensure_partitions


def migrate(data: Path | None) -> None:
    """The schema is that of this version; what was done is printed."""

    async def work(connection: asyncpg.Connection) -> int:
        try:
            done = await apply(connection)
        except MigrationError as failed:
            end(str(failed))
        await ensure_partitions(connection)
        print("\n".join(done) or "nothing to do")
        return 0

    on_database(data, work)
