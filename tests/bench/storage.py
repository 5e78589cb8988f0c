"""Bytes on disk for each stored event, indexes included."""

from __future__ import annotations

import asyncpg

from bench.live import Live

_BYTES = """
select sum(pg_total_relation_size(c.oid))::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'm')
"""


async def bytes_per_event(live: Live) -> int:
    """All tables with their indexes and what was set aside for large values, over the interactions they hold."""
    connection = await asyncpg.connect(live.database)
    try:
        return round(int(await connection.fetchval(_BYTES)) / await live.stored())
    finally:
        await connection.close()
