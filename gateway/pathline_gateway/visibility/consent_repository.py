"""Consents by the refs that they stand under."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from pathline.vocabulary import ConsentGiven, ConsentWithdrawn
from pathline_gateway.visibility.consent import ConsentEvent

_SELECT_EVENTS = """
select s.org, e.subject, s.source, e.id, e.time, e.sequence, t.type, e.payload
from unnest($1::text[], $2::text[]) as r(org, subject)
join evidence e on e.subject = r.subject
join source s on s.id = e.source and s.org = r.org
join event_type t on t.id = e.type
where t.type = any($3::text[])
"""
_TYPES = (ConsentGiven.type, ConsentWithdrawn.type)


async def load_consent_events(connection: asyncpg.Connection, refs: Collection[tuple[str, str]]) -> list[ConsentEvent]:
    """The events of consents under these refs (organisation and subject), in no order."""
    rows = await connection.fetch(_SELECT_EVENTS, [r[0] for r in refs], [r[1] for r in refs], _TYPES)
    return [_event_from_row(row) for row in rows]


def _event_from_row(row: asyncpg.Record) -> ConsentEvent:
    data = row["payload"].split(b"\n", 1)[1]
    is_given = row["type"] == ConsentGiven.type
    payload = (ConsentGiven if is_given else ConsentWithdrawn).model_validate_json(data)
    return ConsentEvent(
        row["org"],
        row["subject"],
        row["source"],
        row["id"],
        row["time"],
        row["sequence"],
        is_given,
        payload.consent,
        tuple(payload.holders or ()),
        tuple(payload.recipients or ()),
        tuple(payload.nouns or ()),
        tuple(payload.items or ()),
        payload.purpose,
        payload.until,
    )
