"""Which ref each void and correction is about."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from pathline_gateway.integrity.rebuild import shadow_schema
from pathline_gateway.integrity.rebuild.projection import Difference
from pathline_gateway.integrity.rebuild.shadow_schema import RebuildPosition
from pathline_gateway.pathways import revision_repository
from pathline_gateway.postgres import change_log


class AmendmentProjection:
    """`amendment.target_ref`, from the identity that each names."""

    name = "amendments"

    async def build(self, connection: asyncpg.Connection) -> None:
        """Every target that is stored is found."""
        await shadow_schema.build_amendments(connection)

    async def catch_up(
        self, connection: asyncpg.Connection, changed_refs: Collection[int], since: RebuildPosition, to: RebuildPosition
    ) -> Collection[int]:
        """An amendment whose target is found changes the target's ref."""
        await shadow_schema.rebuild_amendments(connection, changed_refs)
        return ()

    async def find_differences(self, connection: asyncpg.Connection) -> tuple[Difference, Collection[int]]:
        """Where an amendment takes no effect, or one on the wrong pathway."""
        rows = await shadow_schema.differing_amendments(connection)
        compared = await shadow_schema.count_pathways(connection)
        difference = Difference(self.name, compared, len(rows), [str(row["pathway"]) for row in rows])
        return difference, {ref for row in rows for ref in row["refs"]}

    async def switch_over(self, connection: asyncpg.Connection) -> None:
        """Their pathways are served otherwise."""
        refs = await shadow_schema.switch_amendments(connection)
        if refs:
            await change_log.append(connection, refs, await change_log.new_batch(connection), "amendment", {})
            handoffs = await revision_repository.handoffs_of(connection, refs)
            await revision_repository.move(connection, refs, handoffs)
