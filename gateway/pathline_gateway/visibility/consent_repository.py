"""Consents by the refs that they stand under."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

import asyncpg

from pathline.vocabulary import ConsentGiven, ConsentWithdrawn
from pathline_gateway.pathways.stored_form import open_payload
from pathline_gateway.visibility.consent import ConsentEvent

EVENTS_OF_REFS: Final = f"""
select s.org, r.subject, s.source, e.id, e.time, e.sequence, t.type, e.payload
from ref r
join evidence e on e.subject = r.subject
join source s on s.id = e.source and s.org = r.org
join event_type t on t.id = e.type
where t.type in ('{ConsentGiven.type}', '{ConsentWithdrawn.type}')
"""  # noqa: S608 (text of the project alone)
"""The events of consents under the rows (org, subject) of a common table expression `ref`, for `event_from_row`."""
_SELECT_EVENTS = f"""
with ref as (select * from unnest($1::text[], $2::text[]) as r(org, subject)) {EVENTS_OF_REFS}
"""  # noqa: S608 (text of the project alone)


async def load_consent_events(connection: asyncpg.Connection, refs: Collection[tuple[str, str]]) -> list[ConsentEvent]:
    """The events of consents under these refs (organisation and subject), in no order."""
    rows = await connection.fetch(_SELECT_EVENTS, [r[0] for r in refs], [r[1] for r in refs])
    return [event_from_row(row) for row in rows]


def event_from_row(row: Iterable[Any]) -> ConsentEvent:
    """The values of a row of `EVENTS_OF_REFS`. Raises ValueError where the payload cannot be read."""
    org, subject, source, id, time, sequence, type_name, stored_payload = row
    is_given = type_name == ConsentGiven.type
    payload = (ConsentGiven if is_given else ConsentWithdrawn).model_validate_json(open_payload(stored_payload).data)
    return ConsentEvent(
        org,
        subject,
        source,
        id,
        time,
        sequence,
        is_given,
        payload.consent,
        tuple(payload.holders or ()),
        tuple(payload.recipients or ()),
        tuple(payload.nouns or ()),
        tuple(payload.items or ()),
        payload.purpose,
        payload.until,
    )
