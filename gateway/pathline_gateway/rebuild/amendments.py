"""Which ref each void and correction is about."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from pathline_gateway.rebuild.projection import Difference
from pathline_gateway.store import changes, interactions, rebuilding
from pathline_gateway.store.rebuilding import Stand


class Amendments:
    """`amendment.target_ref`, from the identity that each names."""

    name = "amendments"

    async def build(self, connection: asyncpg.Connection) -> None:
        """Every target that is stored is found."""
        await rebuilding.build_amendments(connection)

    async def catch_up(
        self, connection: asyncpg.Connection, changed: Collection[int], since: Stand, to: Stand
    ) -> Collection[int]:
        """An amendment whose target is found changes the target's ref."""
        await rebuilding.rebuild_amendments(connection, changed)
        return ()

    async def digest(self, connection: asyncpg.Connection) -> tuple[Difference, Collection[int]]:
        """Where an amendment takes no effect, or one on the wrong pathway."""
        rows = await rebuilding.differing_amendments(connection)
        compared = await rebuilding.count_pathways(connection)
        found = Difference(self.name, compared, len(rows), [str(row["pathway"]) for row in rows])
        return found, {ref for row in rows for ref in row["refs"]}

    async def switch(self, connection: asyncpg.Connection) -> None:
        """Their pathways are served otherwise."""
        refs = await rebuilding.switch_amendments(connection)
        if refs:
            await changes.append(connection, refs, await interactions.new_batch(connection), "amendment", {})
