"""Hand-offs as they stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

import asyncpg

from pathline_gateway.handoff.projection import records
from pathline_gateway.rebuild.projection import Difference
from pathline_gateway.set_aside.isolation import in_parts
from pathline_gateway.store import handoff_records, stored
from pathline_gateway.store import rebuilding_handoffs as store
from pathline_gateway.store.rebuilding import Stand


async def _added(connection: asyncpg.Connection, some: Sequence[str]) -> None:
    await store.add(connection, await records(connection, some))


class Handoffs:
    """`handoff`. After the switch, whoever keeps them up to date goes on from where they were built."""

    name = "handoffs"

    def __init__(self) -> None:
        self._built_at = 0

    async def build(self, connection: asyncpg.Connection) -> None:
        """Each is folded from its events; one that cannot be stays as it is."""
        self._built_at = await store.now(connection)
        async for page in store.named(connection):
            failed = await in_parts(connection, list(page), partial(_added, connection))
            await store.add(connection, list((await handoff_records.kept(connection, list(failed))).values()))

    async def catch_up(
        self, connection: asyncpg.Connection, changed: Collection[int], since: Stand, to: Stand
    ) -> Collection[int]:
        """What came since is left to whoever keeps them up to date."""
        return ()

    async def digest(self, connection: asyncpg.Connection) -> tuple[Difference, Collection[int]]:
        """Which are not as they were built."""
        compared, rows = await store.differing(connection, self._built_at)
        refs = [row["ref"] for row in rows if row["ref"] is not None]
        pathways = await stored.pathways_of(connection, refs[:5])
        return Difference(self.name, compared, len(rows), pathways), ()

    async def switch(self, connection: asyncpg.Connection) -> None:
        """They are."""
        await store.switch(connection, self._built_at)
