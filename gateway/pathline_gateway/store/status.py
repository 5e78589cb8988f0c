"""The totals that `/v1/status` answers."""

from __future__ import annotations

import asyncpg

# A pathway counts when at least one step stands on it: stepped refs, less those that share a pathway with another.
_PATHWAYS = """
select (select n from tally where name = 'stepped') - coalesce(sum(n - 1), 0)
from (select count(*) as n from membership m join subject_ref s on s.id = m.ref
      where m.until is null and s.stepped group by m.pathway) as joined
"""
_PENDING = "select count(*) from link_evidence where seq > (select seq from membership_progress)"


async def totals(connection: asyncpg.Connection) -> dict[str, int]:
    """interactions, parked, subjects, links, pathways, and link evidence not yet bound."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found = dict(await connection.fetch("select name, n from tally"))
        found["pathways"] = int(await connection.fetchval(_PATHWAYS))
        found["unbound"] = int(await connection.fetchval(_PENDING))
    return found
