"""Counts the hand-off events under one record, less answers to offers of others."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import asyncpg

from pathline_gateway.pathways.counts_for_handoff_sql import COUNTS_FOR_HANDOFF
from pathline_gateway.pathways.subject_repository import Key
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION


class HandoffReference(NamedTuple):
    """An event under a record that names a hand-off."""

    handoff: str
    org: str
    subject: str


# What another organisation offered: to this one, or on this person's pathway. Where it is not kept yet it was offered
# a moment ago, and anybody may be who is asked.
_IS_ANSWER = f"""
case when s.org = '{CITIZEN_ORGANISATION}' then {COUNTS_FOR_HANDOFF} else exists (
    select from handoff h
    where h.handoff = i.handoff and h.receiver = s.org and h.sender <> s.org and h.offered_at is not null
) or not exists (select from handoff h where h.handoff = i.handoff) and exists (
    select from interaction o
    join event_type t on t.id = o.type and t.type = 'org.pathline.handoff.offered.v1'
    join subject_ref os on os.id = o.ref and os.org = split_part(i.handoff, ':', 1)
    where o.handoff = i.handoff and os.org <> s.org
) end
"""  # noqa: S608 (text of this file alone)
# No more are counted than matter.
_COUNT_EVENTS = f"""
select s.org, s.subject, (
    select count(*) from (
        select from interaction i
        where i.ref = s.id and i.handoff is not null and not ({_IS_ANSWER}) limit $3
    ) as found
) as n
from unnest($1::text[], $2::text[]) as r(org, subject) join subject_ref s using (org, subject)
"""  # noqa: S608 (text of this file alone)
_SELECT_ANSWERS = f"""
select i.handoff, s.org, s.subject
from unnest($1::text[], $2::text[], $3::text[]) as i(handoff, org, subject)
cross join lateral (
    select i.org, i.subject, r.id, r.anchor_id from (select) one
    left join subject_ref r on r.org = i.org and r.subject = i.subject
) s
where {_IS_ANSWER}
"""  # noqa: S608 (text of this file alone)


async def count_events(connection: asyncpg.Connection, records: Collection[Key], max_count: int) -> dict[Key, int]:
    """How many events under each of these records name a hand-off; no more than `max_count` are counted, and no
    answers.
    """
    rows = await connection.fetch(
        _COUNT_EVENTS, [org for org, _ in records], [subject for _, subject in records], max_count
    )
    return {(row["org"], row["subject"]): row["n"] for row in rows}


async def select_answers(
    connection: asyncpg.Connection, references: Collection[HandoffReference]
) -> set[HandoffReference]:
    """Those of these that answer what another organisation offered."""
    rows = await connection.fetch(_SELECT_ANSWERS, *map(list, zip(*references, strict=True)))
    return {HandoffReference(*row) for row in rows}
