"""The totals that `/v1/status` answers."""

from __future__ import annotations

from typing import Final

import asyncpg

from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.review import repository as review_repository

# A pathway counts when at least one step stands on it: stepped refs, less those that share a pathway with another.
_COUNT_PATHWAYS = """
select (select value from row_counters where name = 'stepped') - coalesce(sum(n - 1), 0)
from (select count(*) as n from membership m join subject_ref s on s.id = m.ref
      where m.valid_until is null and s.has_steps group by m.pathway) as joined
"""
_COUNT_PENDING = """
select (select count(*) from link_evidence where seq > p.link_evidence_seq)
    - (select count(*) from link_evidence_seen_ahead)
    + (select count(*) from handoff_input where seq > p.handoff_input_seq)
    - (select count(*) from handoff_input_seen_ahead)
from membership_progress p
"""
_QUARANTINE: Final = ("hub", "oversize", "impossible")
"""Reasons for which evidence is kept out, however sure its asserter is."""


async def load_totals(connection: asyncpg.Connection) -> dict[str, int]:
    """interactions, parked, subjects, links, pathways; conflicts and quarantined, undecided; what was not looked at.

    `unbound`: evidence of who is who; `unfolded`: entries of the change log, for hand-offs.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        counts = dict(await connection.fetch("select name, value from row_counters"))
        counts["pathways"] = int(await connection.fetchval(_COUNT_PATHWAYS))
        waiting = await review_repository.count_waiting(connection, unrestricted=True)
        counts["conflicts"] = waiting.get("conflict", 0)
        counts["quarantined"] = sum(waiting.get(reason, 0) for reason in _QUARANTINE)
        counts["unbound"] = int(await connection.fetchval(_COUNT_PENDING))
        counts["unfolded"] = await handoff_repository.projection_lag(connection)
    return counts
