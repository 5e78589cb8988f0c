"""Which events are known, by source and id."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

_KNOWN = """
select s.source, e.id, e.digest
from unnest($1::text[], $2::text[]) as k(source, id)
join source s on s.source = k.source
join event_identity e on e.source = s.id and e.id = k.id
"""


async def known_digests(
    connection: asyncpg.Connection, identities: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], bytes]:
    """The content digest of each of these events (source, id) that is stored."""
    rows = await connection.fetch(_KNOWN, [i[0] for i in identities], [i[1] for i in identities])
    return {(row["source"], row["id"]): row["digest"] for row in rows}
