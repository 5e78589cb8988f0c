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

_PAGE = 500
"""Refs that are looked at together: what stands under them is held in memory."""


@dataclass
class Counted:
    """What the pathways come to together."""

    interactions: int = 0
    stepped: int = 0
    pathways: int = 0


async def pathways(
    connection: asyncpg.Connection, bound: RecomputedMembership, checks: Mapping[Name, Check]
) -> Counted:
    """Every pathway is looked at, by the ref that it is named after, and what they come to is counted."""
    counted = Counted()
    handoffs = await HandoffRows.begun(connection, checks["clocks"])
    async for page in scans.pages(connection, scans.REFS, _PAGE):
        await _Page(connection, bound, checks, counted, handoffs).look(page)
    await handoffs.strays()
    await handoffs.sides()
    await handoffs.notices(checks["notices"])
    return counted


@dataclass
class _Page:
    connection: asyncpg.Connection
    bound: RecomputedMembership
    checks: Mapping[Name, Check]
    counted: Counted
    handoffs: HandoffRows

    async def look(self, page: Sequence[Row]) -> None:
        """The pathways named after these refs."""
        numbers = {n for row in page for n in self.bound.group(row["id"], row["birth"])} | {r["id"] for r in page}
        names = {row["id"]: row for row in await scans.named(self.connection, numbers)}
        rows = await scans.interactions_of(self.connection, numbers)
        amended = pathway_recompute.amends(await scans.amendments_of(self.connection, rows))
        under: defaultdict[int, list[Row]] = defaultdict(list)
        for row in pathway_recompute.live(rows, amended):
            under[row["ref"]].append({**row, "subject": names[row["ref"]]["subject"]})
        for row in page:
            self._count(row, under[row["id"]])
            await self._compare(row, names, under, amended)

    def _count(self, row: Row, live: Sequence[Row]) -> None:
        self.checks["stepped"].see(row["stepped"] == bool(live), row["id"])
        self.counted.interactions += len(live)
        self.counted.stepped += bool(live)

    async def _compare(
        self,
        row: Row,
        names: Mapping[int, Row],
        under: Mapping[int, list[Row]],
        amended: Mapping[Any, pathway_recompute.Amends],
    ) -> None:
        check = self.checks["pathways"]
        group = self.bound.group(row["id"], row["birth"])
        if not group:  # on another's pathway: its own id leads there
            found = _served(await self._read(row["birth"]))
            check.see(found == str(self.bound.pathway[row["id"]]).encode(), row["id"])
            return
        steps = [step for ref in group for step in under.get(ref, ())]
        self.counted.pathways += bool(steps)
        subjects = [(names[ref]["org"], names[ref]["subject"]) for ref in group]
        read = await self._read(row["birth"])
        if isinstance(read, pathway_reader.PathwayReading):
            await self.handoffs.compare(read)
        same = pathway_recompute.digest(_served(read)) == _recomputed(row["birth"], subjects, steps, amended)
        check.see(same, row["id"])
        if not same and row["id"] not in check.closed:
            check.name_pathways([str(row["birth"])])

    async def _read(self, pathway: UUID) -> pathway_reader.PathwayReading | UUID | None:
        """The pathway as it is pulled, the id that it leads to, or nothing."""
        try:
            return await pathway_reader.read(self.connection, pathway, datetime.now(UTC))
        except (Problem, ValueError, KeyError):  # what cannot even be served is not what was recomputed
            return None


def _served(read: pathway_reader.PathwayReading | UUID | None) -> bytes:
    """What is served: a body without its version, or the id that it leads to, or nothing."""
    if isinstance(read, pathway_reader.PathwayReading):
        return orjson.dumps(serialization.served(read.members, "", read.assembled))
    return b"" if read is None else str(read).encode()


def _recomputed(
    pathway: UUID,
    subjects: Sequence[tuple[str, str]],
    steps: Sequence[Row],
    amended: Mapping[Any, pathway_recompute.Amends],
) -> bytes | None:
    """The digest of what must be served; None where what is stored cannot be read."""
    try:
        return pathway_recompute.digest(pathway_recompute.served(str(pathway), subjects, steps, amended))
    except ValueError:
        return None
