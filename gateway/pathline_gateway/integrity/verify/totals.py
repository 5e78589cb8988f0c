"""Totals, the change log, positions and parked records."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from pathline_gateway.integrity.verify import scans
from pathline_gateway.integrity.verify.check import Check, Name
from pathline_gateway.integrity.verify.pathways import Counted
from pathline_gateway.status import repository as status_repository

Checks = Mapping[Name, Check]


async def totals(connection: asyncpg.Connection, counted: Counted, check: Check) -> None:
    """What `/v1/status` answers is what was counted."""
    told = await status_repository.totals(connection)
    true = dict(next(iter(await connection.fetch(scans.COUNTS))))
    true |= {"interactions": counted.interactions, "stepped": counted.stepped, "pathways": counted.pathways}
    for name, n in true.items():
        check.see(told[name] == n)


async def log(connection: asyncpg.Connection, check: Check) -> None:
    """The change log has an entry of every change, and those of one transaction stand together."""
    check.compared = int(await connection.fetchval(scans.CHANGES))
    for statement in (scans.UNLOGGED_INTERACTIONS, scans.UNLOGGED_MEMBERSHIPS, scans.OUT_OF_ORDER):
        async for row in scans.stream(connection, statement):
            check.differ(row["ref"])


async def records(connection: asyncpg.Connection, checks: Checks) -> None:
    """Positions are where something was read; parked records are whole, and were read."""
    async for row in scans.stream(connection, scans.POSITIONS):
        sound = row["last_digest"] is None or (len(row["last_digest"]) == 16 and row["next_offset"] > 0)
        checks["positions"].see(sound and row["next_offset"] >= (row["expired_to"] or 0))
    async for row in scans.stream(connection, scans.PARKED):
        whole = row["names"] == row["values"] and row["partition"] >= 0 and row["reason"] and row["detail"]
        checks["parked"].see(bool(whole) and 0 <= row["offset"] <= row["last_offset"] < row["read_to"])
