"""Whether a body that is kept is still what its reader would be served, and the access that shows it: one statement."""

from __future__ import annotations

from typing import Final

import asyncpg

from pathline_gateway.access_log.access import Access
from pathline_gateway.access_log.repository import INSERT_SELECTED
from pathline_gateway.pull.reader_body_cache import KeptBody

# The pathway has the same refs with the same revisions. Nothing that decides of it was entered or set aside.
# No receiver has come on the register. All of that at the moment at which the access is logged.
_LOG_WHILE_UNCHANGED = f"""
with asked as (
    select s.id, m.pathway
    from subject_ref s left join membership m on m.ref = s.id and m.valid_until is null
    where s.anchor_id = $19
), member as (
    select id from asked where pathway is null
    union all
    select m.ref from asked join membership m on m.pathway = asked.pathway and m.valid_until is null
), now_read as (
    select array_agg(s.id order by s.id) as refs, array_agg(s.revision order by s.id) as steps,
        array_agg(s.consent_revision order by s.id) as consents
    from member join subject_ref s on s.id = member.id
)
{INSERT_SELECTED}
from now_read
where refs = $20::bigint[] and steps = $21::bigint[] and consents = $22::bigint[]
    and $23::bigint = (select revision from policy_revision)
    and not exists (select from set_aside_ref a where a.ref = any($20))
    and not exists (select from organisation o where o.org = any($24::text[]))
"""  # noqa: S608 (text of the project alone)
_WRITTEN: Final = "INSERT 0 1"


async def log_while_unchanged(connection: asyncpg.Connection, access: Access, kept: KeptBody) -> bool:
    """Whether what is kept is what she would be served; then, and only then, the access is in the log."""
    written: str = await connection.execute(
        _LOG_WHILE_UNCHANGED, *access, kept.anchor_id, *kept.revisions, list(kept.lifespan.unregistered_orgs)
    )
    return written == _WRITTEN
