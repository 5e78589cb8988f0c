"""Which refs are stepped."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from pathline_gateway.integrity.rebuild import shadow_schema
from pathline_gateway.integrity.rebuild.projection import Difference
from pathline_gateway.integrity.rebuild.shadow_schema import RebuildPosition


class StepFlagProjection:
    """`subject_ref.has_steps`, from the interactions that no void names."""

    name = "stepped"

    async def build(self, connection: asyncpg.Connection) -> None:
        """Live interactions are counted under every ref."""
        await shadow_schema.build_steps(connection)

    async def catch_up(
        self, connection: asyncpg.Connection, changed_refs: Collection[int], since: RebuildPosition, to: RebuildPosition
    ) -> Collection[int]:
        """Counts them again under refs that changed."""
        await shadow_schema.rebuild_steps(connection, changed_refs)
        return ()

    async def find_differences(self, connection: asyncpg.Connection) -> tuple[Difference, Collection[int]]:
        """Where a ref is stepped and should not be, or the other way round."""
        rows = await shadow_schema.differing_steps(connection)
        compared = await shadow_schema.count_pathways(connection)
        difference = Difference(self.name, compared, len(rows), [str(row["pathway"]) for row in rows])
        return difference, {ref for row in rows for ref in row["refs"]}

    async def switch_over(self, connection: asyncpg.Connection) -> None:
        """Nothing that is served depends on it but totals."""
        await shadow_schema.switch_steps(connection)
