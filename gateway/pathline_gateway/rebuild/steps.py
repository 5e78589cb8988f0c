"""Which refs are stepped."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from pathline_gateway.rebuild.projection import Difference
from pathline_gateway.store import rebuilding
from pathline_gateway.store.rebuilding import Stand


class Steps:
    """`subject_ref.stepped`, from the interactions that no void names."""

    name = "stepped"

    async def build(self, connection: asyncpg.Connection) -> None:
        """Live interactions are counted under every ref."""
        await rebuilding.build_steps(connection)

    async def catch_up(
        self, connection: asyncpg.Connection, changed: Collection[int], since: Stand, to: Stand
    ) -> Collection[int]:
        """They are counted again under refs that changed."""
        await rebuilding.rebuild_steps(connection, changed)
        return ()

    async def digest(self, connection: asyncpg.Connection) -> tuple[Difference, Collection[int]]:
        """Where a ref is stepped and should not be, or the other way round."""
        rows = await rebuilding.differing_steps(connection)
        compared = await rebuilding.count_pathways(connection)
        found = Difference(self.name, compared, len(rows), [str(row["pathway"]) for row in rows])
        return found, {ref for row in rows for ref in row["refs"]}

    async def switch(self, connection: asyncpg.Connection) -> None:
        """Nothing that is served depends on it but totals."""
        await rebuilding.switch_steps(connection)
