"""Which refs are on which pathway now. What was before is history, and never rebuilt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.identity import membership_repository
from pathline_gateway.identity.connected_component import StoredComponent
from pathline_gateway.identity.membership_writer import rebound
from pathline_gateway.integrity.rebuild import shadow_schema
from pathline_gateway.integrity.rebuild.projection import Difference
from pathline_gateway.integrity.rebuild.shadow_schema import Stand
from pathline_gateway.integrity.verify.membership_recompute import bound
from pathline_gateway.postgres import change_log
from pathline_gateway.set_aside import repository as set_aside


class Membership:
    """Open rows of `membership`, from the evidence that its writer has seen."""

    name = "membership"

    async def build(self, connection: asyncpg.Connection) -> None:
        """One pass over all evidence."""
        found = await bound(connection, await set_aside.closed_refs(connection))
        await shadow_schema.put_membership(connection, dict(found.pathway))

    async def catch_up(
        self, connection: asyncpg.Connection, changed: Collection[int], since: Stand, to: Stand
    ) -> Collection[int]:
        """Everyone whom evidence bound since then connects is bound again."""
        touched = await shadow_schema.linked(connection, since)
        again = await self._again(connection, touched)
        await shadow_schema.put_membership(connection, again)
        return again.keys()

    async def _again(self, connection: asyncpg.Connection, touched: Collection[int]) -> Mapping[int, UUID | None]:
        try:
            return (await rebound(StoredComponent(connection), touched))[0] if touched else {}
        except Exception as failed:
            closed = await set_aside.closed_refs(connection)
            if not concerns_record(failed) or not set(closed) & set(touched):
                raise
            # What is set aside stays as it stands; each of the others by itself.
            alone = [await self._again(connection, [ref]) for ref in set(touched) - set(closed)]
            return {ref: pathway for found in alone for ref, pathway in found.items()}

    async def digest(self, connection: asyncpg.Connection) -> tuple[Difference, Collection[int]]:
        """Where refs are missing from a pathway, or too many."""
        rows = await shadow_schema.differing_membership(connection)
        compared = await shadow_schema.count_pathways(connection)
        found = Difference(self.name, compared, len(rows), [str(row["pathway"]) for row in rows])
        return found, {ref for row in rows for ref in row["refs"]}

    async def switch(self, connection: asyncpg.Connection) -> None:
        """Refs move as they would have moved: a row is closed, another opened, and the log says so."""
        moved = await shadow_schema.moved(connection)
        if moved:
            await membership_repository.move(connection, moved)
            await change_log.append(connection, moved, await change_log.new_batch(connection), "membership", {})
