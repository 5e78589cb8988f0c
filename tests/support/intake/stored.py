"""What a database holds, in the terms of those who published: read without the gateway's own queries."""

from __future__ import annotations

from collections import Counter
from typing import Any

import asyncpg

EMPTY = """
truncate organisation, source, event_type, subject_ref, event_identity, interaction, evidence, amendment, link_evidence,
    membership, change_log, log_epoch, consumer_position, parked, expired_records, linker, handoff_input, handoff_link,
    review_item, handoff, handoff_notice, handoff_telemetry_sent, handoff_telemetry_pending, handoff_side,
    handoff_side_pending, link_component, link_component_share, link_evidence_seen_ahead,
    handoff_input_seen_ahead, proposal_count
    restart identity cascade;
update row_counters set value = 0;
update membership_progress set link_evidence_seq = 0, handoff_input_seq = 0;
update handoff_progress set change_seq = 0;
"""

INTERACTIONS = """
select s.source, i.id, r.org, r.subject from interaction i join source s on s.id = i.source
join subject_ref r on r.id = i.ref
"""
IDENTITIES = "select s.source, e.id from event_identity e join source s on s.id = e.source"
EVIDENCE = "select s.source, e.id from evidence e join source s on s.id = e.source"
AMENDMENTS = """
select s.source, a.id, t.source as target_source, a.target_id, r.org, r.subject
from amendment a join source s on s.id = a.source join source t on t.id = a.target_source
left join subject_ref r on r.id = a.target_ref
"""
LINKS = """
select s.source, l.id, a.org, a.subject, b.org, b.subject from link_evidence l join source s on s.id = l.source
left join subject_ref a on a.id = l.ref_a left join subject_ref b on b.id = l.ref_b
"""
PARKED = 'select topic, partition, "offset", reason from parked'
POSITIONS = "select topic, partition, next_offset from consumer_position"
UNSAID = """
select count(*) from interaction i where not exists (select from change_log c where c.ref = i.ref and c.batch = i.batch)
"""


async def tables(connection: asyncpg.Connection) -> dict[str, Any]:
    """What `deliveries.Expected.tables` foretells."""

    async def rows(query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await connection.fetch(query)]

    return {
        "interactions": Counter(((s, i), (o, x)) for s, i, o, x in await rows(INTERACTIONS)),
        "identities": Counter(await rows(IDENTITIES)),
        "evidence": Counter(await rows(EVIDENCE)),
        "amendments": Counter(
            ((s, i), (ts, ti), None if o is None else (o, x)) for s, i, ts, ti, o, x in await rows(AMENDMENTS)
        ),
        "links": Counter(
            ((s, i), None if a is None else (a, x), None if b is None else (b, y))
            for s, i, a, x, b, y in await rows(LINKS)
        ),
        "refs": {(o, s): stepped for o, s, stepped in await rows("select org, subject, has_steps from subject_ref")},
        "parked": Counter(await rows(PARKED)),
        "positions": {(t, p): n for t, p, n in await rows(POSITIONS)},
        "tally": dict(await rows("select name, value from row_counters where name <> 'emptied'")),
    }


async def unsaid(connection: asyncpg.Connection) -> int:
    """Interactions that the change log does not tell of."""
    return int(await connection.fetchval(UNSAID))


async def empty(connection: asyncpg.Connection) -> int:
    """Nothing is stored; the number of a new log epoch."""
    await connection.execute(EMPTY)
    return int(
        await connection.fetchval("insert into log_epoch (cluster_id, reason) values ('test', 'test') returning id")
    )
