"""The change log: which refs changed, in commit order."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import asyncpg

from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock

_APPEND = """
insert into change_log (ref, batch, kind) select ref, $2, $3 from unnest($1::bigint[]) as r(ref) order by ref
"""
_ADD_TOTALS = """
update row_counters set value = row_counters.value + d.n from unnest($1::text[], $2::bigint[]) as d(name, n)
where row_counters.name = d.name
"""


async def lock(connection: asyncpg.Connection) -> None:
    """Nobody else appends until this transaction ends."""
    await advisory_locks.lock_for_transaction(connection, AdvisoryLock.CHANGE_LOG)


async def append(
    connection: asyncpg.Connection, refs: Collection[int], batch: int, kind: str, totals: Mapping[str, int]
) -> None:
    """The touched refs stand in the change log, and the totals moved.

    Call last in a transaction, under `lock`: it is held to the commit, so that `seq` order is commit order.
    """
    if refs:
        await connection.execute(_APPEND, sorted(refs), batch, kind)
    changes = {name: n for name, n in totals.items() if n}
    if changes:
        await connection.execute(_ADD_TOTALS, list(changes), list(changes.values()))


async def new_batch(connection: asyncpg.Connection) -> int:
    """The number of this transaction's batch."""
    return int(await connection.fetchval("select nextval('batch_number')"))
