"""Which refs are on which pathway now. What was before is history, and never rebuilt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.identity import membership_repository
from pathline_gateway.identity.evidence_reader import StoredEvidenceReader
from pathline_gateway.identity.membership_writer import compute_pathways
from pathline_gateway.integrity.rebuild import shadow_schema
from pathline_gateway.integrity.rebuild.projection import Difference
from pathline_gateway.integrity.rebuild.shadow_schema import RebuildPosition
from pathline_gateway.integrity.verify.membership_recompute import recompute_membership
from pathline_gateway.pathways import revision_repository
from pathline_gateway.postgres import change_log
from pathline_gateway.set_aside import repository as set_aside


class MembershipProjection:
    """Open rows of `membership`, from the evidence that its writer has seen."""

    name = "membership"

    async def build(self, connection: asyncpg.Connection) -> None:
        """One pass over all evidence."""
        recomputed = await recompute_membership(connection, await set_aside.closed_refs(connection))
        await shadow_schema.upsert_membership(connection, dict(recomputed.pathway_by_ref))

    async def catch_up(
        self, connection: asyncpg.Connection, changed_refs: Collection[int], since: RebuildPosition, to: RebuildPosition
    ) -> Collection[int]:
        """Everyone whom evidence bound since then connects is bound again."""
        linked_refs = await shadow_schema.linked_refs(connection, since)
        pathway_by_ref = await self._recompute(connection, linked_refs)
        await shadow_schema.upsert_membership(connection, pathway_by_ref)
        return pathway_by_ref.keys()

    async def _recompute(
        self, connection: asyncpg.Connection, linked_refs: Collection[int]
    ) -> Mapping[int, UUID | None]:
        try:
            return (await compute_pathways(StoredEvidenceReader(connection), linked_refs))[0] if linked_refs else {}
        except Exception as failed:
            closed_refs = await set_aside.closed_refs(connection)
            if not concerns_record(failed) or not set(closed_refs) & set(linked_refs):
                raise
            # What is set aside stays as it stands; each of the others by itself.
            results = [await self._recompute(connection, [ref]) for ref in set(linked_refs) - set(closed_refs)]
            return {ref: pathway for pathway_by_ref in results for ref, pathway in pathway_by_ref.items()}

    async def find_differences(self, connection: asyncpg.Connection) -> tuple[Difference, Collection[int]]:
        """Where refs are missing from a pathway, or too many."""
        rows = await shadow_schema.differing_membership(connection)
        compared = await shadow_schema.count_pathways(connection)
        difference = Difference(self.name, compared, len(rows), [str(row["pathway"]) for row in rows])
        return difference, {ref for row in rows for ref in row["refs"]}

    async def switch_over(self, connection: asyncpg.Connection) -> None:
        """Refs move as they would have moved: a row is closed, another opened, and the log says so."""
        moved_refs = await shadow_schema.moved_suspects(connection)
        if moved_refs:
            await membership_repository.move_refs(connection, moved_refs)
            await change_log.append(connection, moved_refs, await change_log.new_batch(connection), "membership", {})
            handoffs = await revision_repository.handoffs_of(connection, moved_refs)
            await revision_repository.move(connection, moved_refs, handoffs)
