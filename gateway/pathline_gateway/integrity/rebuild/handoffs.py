"""Hand-offs as they stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

import asyncpg

from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs.projection import compute_rows
from pathline_gateway.integrity.rebuild import shadow_handoffs
from pathline_gateway.integrity.rebuild.projection import Difference
from pathline_gateway.integrity.rebuild.shadow_schema import RebuildPosition
from pathline_gateway.integrity.verify import scans
from pathline_gateway.set_aside.bisection import fold_with_bisection


async def _build_batch(connection: asyncpg.Connection, handoff_ids: Sequence[str]) -> None:
    await shadow_handoffs.insert_rows(connection, await compute_rows(connection, handoff_ids))


class HandoffProjection:
    """`handoff`. After the switch, whoever keeps them up to date goes on from where they were built."""

    name = "handoffs"

    def __init__(self) -> None:
        self._built_seq = 0

    async def build(self, connection: asyncpg.Connection) -> None:
        """Each is folded from its events; one that cannot be stays as it is."""
        self._built_seq = await shadow_handoffs.last_change_seq(connection)
        async for page in shadow_handoffs.handoff_ids(connection):
            failed = await fold_with_bisection(connection, list(page), partial(_build_batch, connection))
            await shadow_handoffs.insert_rows(
                connection, list((await handoff_repository.load_rows(connection, list(failed))).values())
            )

    async def catch_up(
        self, connection: asyncpg.Connection, changed_refs: Collection[int], since: RebuildPosition, to: RebuildPosition
    ) -> Collection[int]:
        """What came since is left to whoever keeps them up to date."""
        return ()

    async def find_differences(self, connection: asyncpg.Connection) -> tuple[Difference, Collection[int]]:
        """Which are not as they were built."""
        compared, rows = await shadow_handoffs.find_differing(connection, self._built_seq)
        refs = [row["ref"] for row in rows if row["ref"] is not None]
        pathways = await scans.pathways_of(connection, refs[:5])
        return Difference(self.name, compared, len(rows), pathways), ()

    async def switch_over(self, connection: asyncpg.Connection) -> None:
        """Replaces the live rows by those that were built."""
        await shadow_handoffs.switch_over(connection, self._built_seq)
