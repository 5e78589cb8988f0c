"""The totals."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from pathline_gateway.integrity.rebuild import shadow_schema
from pathline_gateway.integrity.rebuild.projection import Difference
from pathline_gateway.integrity.rebuild.shadow_schema import RebuildPosition


class TotalsProjection:
    """`row_counters`. Stands after Steps, from which two of the totals are summed."""

    name = "totals"

    async def build(self, connection: asyncpg.Connection) -> None:
        """What is counted directly is counted."""
        await shadow_schema.measure_drift(connection)

    async def catch_up(
        self, connection: asyncpg.Connection, changed_refs: Collection[int], since: RebuildPosition, to: RebuildPosition
    ) -> Collection[int]:
        """Steps keep their sums; the rest moves with what it counts."""
        return ()

    async def find_differences(self, connection: asyncpg.Connection) -> tuple[Difference, Collection[int]]:
        """Which totals are no counts."""
        pairs = await shadow_schema.load_totals(connection)
        return Difference(self.name, len(pairs), sum(live != rebuilt for live, rebuilt in pairs)), ()

    async def switch_over(self, connection: asyncpg.Connection) -> None:
        """Replaces the live totals by those that were counted."""
        await shadow_schema.switch_totals(connection)
