"""What was stored lately, in the order in which it was: for what a subscription would have been given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

# Back from the newest entry, and no further than so many: the log has no index by time.
_WINDOW = """
select min(seq) - 1 as begin, max(seq) as end, min(logged_at) as since, count(*) as entries
from (select seq, logged_at from change_log order by seq desc limit $2) as newest where logged_at >= $1
"""
_STORED = """
select n.number, src.source, i.id, s.org, s.subject, s.pathway, t.type, i.time, i.sequence, i.payload, i.ref,
    null::text as kind, false as only_one
from unnest($1::integer[], $2::text[]) with ordinality as n(source, id, number)
join source src on src.id = n.source
join event_identity k on k.source = n.source and k.id = n.id
join interaction i on i.ref = k.ref and i.time = k.time and i.source = k.source and i.id = k.id
join event_type t on t.id = i.type
join ref_pathway s on s.ref = i.ref
order by n.number
"""


class DryRunWindow(NamedTuple):
    """Entries of the change log: after `begin`, up to `end`."""

    begin: int
    end: int
    since: datetime
    entries: int


async def fetch_window(connection: asyncpg.Connection, since: datetime, limit: int) -> DryRunWindow | None:
    """The entries since then, or the newest of them where there are more; None where there is none."""
    row = await connection.fetchrow(_WINDOW, since, limit)
    return None if row is None or row["begin"] is None else DryRunWindow(**row)


async def fetch_stored(connection: asyncpg.Connection, events: Sequence[tuple[int, str]]) -> list[asyncpg.Record]:
    """What is stored of these events (source, id), numbered from 1, as of what a subscription was given."""
    return list(await connection.fetch(_STORED, [source for source, _ in events], [id for _, id in events]))
