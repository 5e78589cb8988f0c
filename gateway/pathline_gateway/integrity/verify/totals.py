"""Totals, the change log, positions and parked records."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from pathline_gateway.integrity.verify import scans
from pathline_gateway.integrity.verify.check import Check, Name
from pathline_gateway.integrity.verify.pathways import PathwayCounts
from pathline_gateway.status import repository as status_repository

Checks = Mapping[Name, Check]


async def check_totals(connection: asyncpg.Connection, counts: PathwayCounts, check: Check) -> None:
    """What `/v1/status` answers is what was counted."""
    served = await status_repository.load_totals(connection)
    expected = dict(next(iter(await connection.fetch(scans.COUNTS))))
    expected |= {"interactions": counts.interactions, "stepped": counts.with_steps, "pathways": counts.pathways}
    for name, n in expected.items():
        check.record(served[name] == n)


async def check_change_log(connection: asyncpg.Connection, check: Check) -> None:
    """The change log has an entry of every change, and those of one transaction stand together."""
    check.compared_count = int(await connection.fetchval(scans.COUNT_CHANGES))
    for statement in (scans.UNLOGGED_INTERACTIONS, scans.UNLOGGED_MEMBERSHIPS, scans.OUT_OF_ORDER_CHANGES):
        async for row in scans.stream(connection, statement):
            check.record_difference(row["ref"])


async def check_positions_and_parked(connection: asyncpg.Connection, checks: Checks) -> None:
    """Positions are where something was read; parked records are whole, and were read."""
    async for row in scans.stream(connection, scans.POSITIONS):
        is_valid = row["last_digest"] is None or (len(row["last_digest"]) == 16 and row["next_offset"] > 0)
        checks["positions"].record(is_valid and row["next_offset"] >= (row["expired_to"] or 0))
    async for row in scans.stream(connection, scans.PARKED):
        is_complete = row["names"] == row["values"] and row["partition"] >= 0 and row["reason"] and row["detail"]
        checks["parked"].record(bool(is_complete) and 0 <= row["offset"] <= row["last_offset"] < row["read_to"])
