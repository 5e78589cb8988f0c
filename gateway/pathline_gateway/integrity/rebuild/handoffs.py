"""Hand-offs as they stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

import asyncpg

from pathline_gateway.background.isolation import in_parts
from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs.projection import records
from pathline_gateway.integrity.rebuild import shadow_handoffs
from pathline_gateway.integrity.rebuild.projection import Difference
from pathline_gateway.integrity.rebuild.shadow_schema import Stand
from pathline_gateway.integrity.verify import scans


async def _added(connection: asyncpg.Connection, some: Sequence[str]) -> None:
    await shadow_handoffs.add(connection, await records(connection, some))


class HandoffProjection:
    """`handoff`. After the switch, whoever keeps them up to date goes on from where they were built."""

    name = "handoffs"

    def __init__(self) -> None:
        self._built_at = 0

    async def build(self, connection: asyncpg.Connection) -> None:
        """Each is folded from its events; one that cannot be stays as it is."""
        self._built_at = await shadow_handoffs.now(connection)
        async for page in shadow_handoffs.named(connection):
            failed = await in_parts(connection, list(page), partial(_added, connection))
            await shadow_handoffs.add(
                connection, list((await handoff_repository.kept(connection, list(failed))).values())
            )

    async def catch_up(
        self, connection: asyncpg.Connection, changed: Collection[int], since: Stand, to: Stand
    ) -> Collection[int]:
        """What came since is left to whoever keeps them up to date."""
        return ()

    async def digest(self, connection: asyncpg.Connection) -> tuple[Difference, Collection[int]]:
        """Which are not as they were built."""
        compared, rows = await shadow_handoffs.differing(connection, self._built_at)
        refs = [row["ref"] for row in rows if row["ref"] is not None]
        pathways = await scans.pathways_of(connection, refs[:5])
        return Difference(self.name, compared, len(rows), pathways), ()

    async def switch(self, connection: asyncpg.Connection) -> None:
        """They are."""
        await shadow_handoffs.switch(connection, self._built_at)
