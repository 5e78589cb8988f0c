"""Histories that were played on a database, and what `verify` says of it then."""

from __future__ import annotations

import asyncpg

from pathline_gateway.integrity.verify.run import verify_all
from support.intake.history import (
    TRACEPARENT,
    Event,
    Partition,
    accepted,
    bind_all_evidence,
    corrected,
    distinguished,
    linked,
    offered,
    open_log,
    ref,
    retracted,
    step,
    voided,
)

LIFE: list[tuple[list[Event | bytes], bool]] = [
    (
        [
            step("east", "1", 0, 1, traceparent=TRACEPARENT),
            step("east", "2", 0, 2, sequence="7"),
            step("west", "1", 1, 1),
            step("west", "3", 2, 1),
            voided("west", "v", "3"),
            corrected("east", "c", "2", "Moved"),
            linked("l1", ref("east", 0), ref("west", 1), 0.3),
            distinguished("d1", ref("east", 0), ref("west", 2)),
            offered("east", "o", 0, "south", "east:h", 5),
            accepted("south", "a", 4, "east:h", 9),
            b"no event",
        ],
        True,
    ),
    ([step("north", "1", 3, 0), retracted("r1", "none")], True),
]


async def find_faults(connection: asyncpg.Connection) -> dict[str, int]:
    return {check.name: check.differing_count for check in await verify_all(connection) if check.differing_count}


async def play(database: str, connection: asyncpg.Connection, history: list[tuple[list[Event | bytes], bool]]) -> None:
    await open_log(connection)
    log = Partition()
    for batch, then_bound in history:
        await log.apply(connection, *batch)
        if then_bound:
            await bind_all_evidence(database)
