"""Every pathway as `GET /v1/pathways/{id}` would serve it, against the fold of its stored rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from pathline_gateway.integrity.verify import pathway_recompute, scans
from pathline_gateway.integrity.verify.check import Check, Name
from pathline_gateway.integrity.verify.handoff_rows import HandoffRows
from pathline_gateway.integrity.verify.membership_recompute import RecomputedMembership
from pathline_gateway.pull import pathway_reader, serialization
from pathline_gateway.web.problem import Problem

Row = Mapping[str, Any]

_BATCH_SIZE = 500
"""Refs that are looked at together: what stands under them is held in memory."""


@dataclass
class PathwayCounts:
    """What the pathways come to together."""

    interactions: int = 0
    with_steps: int = 0
    pathways: int = 0


async def check_pathways(
    connection: asyncpg.Connection, membership: RecomputedMembership, checks: Mapping[Name, Check]
) -> PathwayCounts:
    """Checks every pathway, by the ref that it is named after, and counts what they come to."""
    counts = PathwayCounts()
    handoffs = await HandoffRows.start(connection, checks["clocks"])
    async for page in scans.pages(connection, scans.REFS, _BATCH_SIZE):
        await _Page(connection, membership, checks, counts, handoffs).check(page)
    await handoffs.check_strays()
    await handoffs.check_sides()
    await handoffs.check_notices(checks["notices"])
    return counts


@dataclass
class _Page:
    connection: asyncpg.Connection
    membership: RecomputedMembership
    checks: Mapping[Name, Check]
    counts: PathwayCounts
    handoffs: HandoffRows

    async def check(self, page: Sequence[Row]) -> None:
        """The pathways named after these refs."""
        numbers = {n for row in page for n in self.membership.refs_of(row["id"], row["anchor_id"])} | {
            r["id"] for r in page
        }
        ref_rows = {row["id"]: row for row in await scans.refs_by_id(self.connection, numbers)}
        rows = await scans.interactions_of(self.connection, numbers)
        amendments = pathway_recompute.group_amendments(await scans.amendments_of(self.connection, rows))
        live_rows_by_ref: defaultdict[int, list[Row]] = defaultdict(list)
        for row in pathway_recompute.unvoided(rows, amendments):
            live_rows_by_ref[row["ref"]].append({**row, "subject": ref_rows[row["ref"]]["subject"]})
        for row in page:
            self._count(row, live_rows_by_ref[row["id"]])
            await self._compare(row, ref_rows, live_rows_by_ref, amendments)

    def _count(self, row: Row, live: Sequence[Row]) -> None:
        self.checks["stepped"].record(row["has_steps"] == bool(live), row["id"])
        self.counts.interactions += len(live)
        self.counts.with_steps += bool(live)

    async def _compare(
        self,
        row: Row,
        ref_rows: Mapping[int, Row],
        live_rows_by_ref: Mapping[int, list[Row]],
        amendments: Mapping[Any, pathway_recompute.InteractionAmendments],
    ) -> None:
        check = self.checks["pathways"]
        group = self.membership.refs_of(row["id"], row["anchor_id"])
        if not group:  # on another's pathway: its own id leads there
            served_id = _render_served(await self._pull(row["anchor_id"]))
            check.record(served_id == str(self.membership.pathway_by_ref[row["id"]]).encode(), row["id"])
            return
        steps = [step for ref in group for step in live_rows_by_ref.get(ref, ())]
        self.counts.pathways += bool(steps)
        subjects = [(ref_rows[ref]["org"], ref_rows[ref]["subject"]) for ref in group]
        reading = await self._pull(row["anchor_id"])
        if isinstance(reading, pathway_reader.PathwayReading):
            await self.handoffs.compare(reading)
        is_same = pathway_recompute.digest(_render_served(reading)) == _recompute_digest(
            row["anchor_id"], subjects, steps, amendments
        )
        check.record(is_same, row["id"])
        if not is_same and row["id"] not in check.closed_refs:
            check.add_pathways([str(row["anchor_id"])])

    async def _pull(self, pathway: UUID) -> pathway_reader.PathwayReading | UUID | None:
        """The pathway as it is pulled, the id that it leads to, or nothing."""
        try:
            return await pathway_reader.read_pathway(self.connection, pathway, datetime.now(UTC))
        except (Problem, ValueError, KeyError):  # what cannot even be served is not what was recomputed
            return None


def _render_served(reading: pathway_reader.PathwayReading | UUID | None) -> bytes:
    """What is served: a body without its version, or the id that it leads to, or nothing."""
    if isinstance(reading, pathway_reader.PathwayReading):
        return orjson.dumps(serialization.serialize_pathway(reading.as_served(), ""))
    return b"" if reading is None else str(reading).encode()


def _recompute_digest(
    pathway: UUID,
    subjects: Sequence[tuple[str, str]],
    steps: Sequence[Row],
    amendments: Mapping[Any, pathway_recompute.InteractionAmendments],
) -> bytes | None:
    """The digest of the right answer; None where a stored payload cannot be read."""
    try:
        return pathway_recompute.digest(pathway_recompute.render_pathway(str(pathway), subjects, steps, amendments))
    except ValueError:
        return None
