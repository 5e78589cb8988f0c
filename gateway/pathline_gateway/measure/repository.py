"""Hand-offs for measures, without those that nobody but its own side may know of; and those in released cells."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import asyncpg

from pathline_gateway.measure.handoff_indicators import Handoff
from pathline_gateway.measure.release import Cell, ReleasedUnit, Unit
from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock

# A receiver that is not on the register is not observable: it has no part in any of this.
_HANDOFFS = """
select sender, receiver, offered_at, accepted_at, first_contact_at, first_service_at, receiver_first_active_at,
    ended_at, coalesce(ended_by = 'completed', false) as is_completed
from unconcealed_handoff
where is_observable and offered_at <= $3 and ($1::text is null or sender = $1) and ($2::text is null or receiver = $2)
order by sender, receiver, handoff
"""
_COUNT_UNOBSERVABLE = """
select count(*) from unconcealed_handoff
where not is_observable and offered_at is not null and ($1::text is null or sender = $1)
    and ($2::text is null or receiver = $2)
"""
_UNITS = """
select h.handoff, s.pathway, h.sender, h.receiver, h.offered_at, h.accepted_at,
    h.first_contact_at, h.first_service_at, h.receiver_first_active_at, h.ended_at,
    coalesce(h.ended_by = 'completed', false) as is_completed
from unconcealed_handoff h
join ref_pathway s on s.ref = h.offer_ref
where h.is_observable and h.offered_at < $1
"""
_COLUMNS = (
    "handoff", "pathway", "cell_sender", "cell_receiver", "sender", "receiver", "offered_at", "accepted_at",
    "first_contact_at", "first_service_at", "receiver_first_active_at", "ended_at", "is_completed", "observed_until",
)  # fmt: skip
_RELEASED = """
select handoff, pathway, cell_sender, cell_receiver, sender, receiver, offered_at, accepted_at, first_contact_at,
    first_service_at, receiver_first_active_at, ended_at, is_completed, observed_until
from released_handoff
where ($1::text is null or cell_sender = $1) and ($2::text is null or cell_receiver = $2)
"""
_SELECT_MONTH = "select month from released_month"
_UPSERT_MONTH = (
    "insert into released_month (month) values ($1) on conflict (only_row) do update set month = excluded.month"
)


async def find_handoffs(
    connection: asyncpg.Connection, sender: str | None, receiver: str | None, until: datetime
) -> list[Handoff]:
    """Those that were offered by then between these organisations; None: any."""
    rows = await connection.fetch(_HANDOFFS, sender, receiver, until)
    return await run_off_loop(len(rows), lambda: [Handoff(*row.values()) for row in rows])


async def count_unobservable(connection: asyncpg.Connection, sender: str | None, receiver: str | None) -> int:
    """How many went to somebody who is not on the register."""
    return int(await connection.fetchval(_COUNT_UNOBSERVABLE, sender, receiver))


async def lock_release(connection: asyncpg.Connection) -> None:
    """Nobody else releases cells until this transaction ends."""
    await advisory_locks.lock_for_transaction(connection, AdvisoryLock.MEASURE_RELEASE)


async def released_month(connection: asyncpg.Connection) -> date | None:
    """The month whose cells are released; None where none ever were."""
    found: date | None = await connection.fetchval(_SELECT_MONTH)
    return found


async def find_units(connection: asyncpg.Connection, before: datetime) -> list[Unit]:
    """The hand-offs that were offered before this instant, as they stand, with the pathways that they are of."""
    rows = await connection.fetch(_UNITS, before)
    return await run_off_loop(
        len(rows), lambda: [Unit(row["handoff"], row["pathway"], Handoff(*tuple(row)[2:])) for row in rows]
    )


async def find_released(
    connection: asyncpg.Connection, sender: str | None = None, receiver: str | None = None
) -> list[ReleasedUnit]:
    """What is in released cells: in all, or in those of one sender or receiver."""
    rows = await connection.fetch(_RELEASED, sender, receiver)
    return await run_off_loop(
        len(rows),
        lambda: [
            ReleasedUnit(Unit(id, pathway, Handoff(*handoff_columns)), Cell(cell_sender, cell_receiver))
            for id, pathway, cell_sender, cell_receiver, *handoff_columns in rows
        ],
    )


async def replace_released(connection: asyncpg.Connection, month: date, cells: Iterable[ReleasedUnit]) -> None:
    """These are the released cells of this month."""
    await connection.execute("delete from released_handoff")
    records = [(unit.id, unit.pathway, *cell, *unit.handoff) for unit, cell in cells]
    await connection.copy_records_to_table("released_handoff", records=records, columns=_COLUMNS)
    await connection.execute(_UPSERT_MONTH, month)
