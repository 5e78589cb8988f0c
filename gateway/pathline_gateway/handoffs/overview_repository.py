"""Hand-offs of everybody: by pair of organisations, and one by one, the worst first."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

# What is late, by the indexes of what is: nothing else of all that stands can be silent.
_OVERDUE_CONDITION = (
    "(h.accept_answered_at is null and h.accept_due_at < $1 or h.contact_answered_at is null and h.contact_due_at < $1)"
)
# $1: now; $2: from when on those that have ended count; $3: those that must not be told of. Whoever is not on the
# register cannot be said to be silent.
_CURRENT_HANDOFFS = """
with judged as (
    select h.*, r.org is not null as is_observable,
        coalesce(r.org is not null and h.accept_answered_at is null and h.accept_due_at < $1, false) as no_answer,
        coalesce(r.org is not null and h.contact_answered_at is null and h.contact_due_at < $1, false) as no_contact
    from handoff h left join organisation r on r.org = h.receiver
    where h.offered_at is not null and (h.ended_at is null or h.offered_at >= $2)
        and h.handoff <> all($3::text[]){which}
), standing as (
    select j.*,
        least(case when no_answer then accept_due_at end, case when no_contact then contact_due_at end) as silent_since
    from judged j
)
"""
# A wait is measured where it ended: whoever has not accepted has no wait yet.
_SUMMARY_BY_PAIR = """
select sender, receiver, count(*) as offered, count(*) filter (where state in ('requested', 'received')) as waiting,
    count(*) filter (where accepted_at >= offered_at) as accepted,
    percentile_cont(0.5) within group (order by accepted_at - offered_at)
        filter (where accepted_at >= offered_at) as to_acceptance,
    count(*) filter (where first_contact_at >= offered_at) as met,
    percentile_cont(0.5) within group (order by first_contact_at - offered_at)
        filter (where first_contact_at >= offered_at) as to_contact,
    count(*) filter (where no_answer) as silent, count(*) filter (where no_contact and not no_answer) as unmet,
    count(*) filter (where ended_by = 'declined') as declined,
    count(*) filter (where ended_by = 'expired') as expired, bool_or(is_observable) as observable,
    count(*) over () as pairs
from standing where $5 in ('', sender, receiver)
group by sender, receiver
order by silent desc, unmet desc, waiting desc, offered desc, sender, receiver limit $4 offset $6
"""
_ORGANISATIONS = """
select org from (select sender as org from standing union select receiver from standing) o
where org is not null order by org
"""
_HANDOFFS_OF_PAIR = """
, chosen as (
    select * from standing where sender = $4 and receiver is not distinct from $5 and ($7::text is null or (
        ended_at is not null, coalesce(silent_since, 'infinity'), timestamptz 'epoch' - offered_at, handoff
    ) > ($8::boolean, coalesce($9::timestamptz, 'infinity'), timestamptz 'epoch' - $10::timestamptz, $7))
    order by ended_at is not null, silent_since nulls last, offered_at desc, handoff limit $6
)
"""
_LATEST_SILENT = """
, chosen as (select * from standing where silent_since is not null order by silent_since desc, handoff limit $4)
"""
_LONGEST_SILENT = """
, chosen as (
    select * from standing where silent_since is not null
        and ($5::text is null or (silent_since, handoff) > ($6::timestamptz, $5))
    order by silent_since, handoff limit $4
)
"""
_SELECTED_HANDOFFS = """
select c.handoff, c.sender, c.receiver, c.state, c.offered_at, c.accepted_at, c.first_contact_at, c.ended_at,
    c.ended_by, c.accept_due_at, c.contact_due_at, c.accept_answered_at, c.contact_answered_at, c.is_observable,
    c.no_answer, c.no_contact, c.redirect_count, c.anomaly_count, s.pathway
from chosen c
join ref_pathway s on s.ref = c.offer_ref
"""
_WORST_FIRST = "order by c.ended_at is not null, c.silent_since nulls last, c.offered_at desc, c.handoff"
_LONGEST_FIRST = "order by c.silent_since, c.handoff"
_LATEST_FIRST = "order by c.silent_since desc, c.handoff"
_COUNT_SILENT = (
    "select count(silent_since) as silent, count(silent_since) filter (where no_answer) as unanswered from standing"
)
_ALL_HANDOFFS = _CURRENT_HANDOFFS.format(which="")
_SILENT_HANDOFFS = _CURRENT_HANDOFFS.format(which=f" and {_OVERDUE_CONDITION}")
# A hand-off that may tell of what is concealed: more than do, and never fewer. Bytes are compared, because nothing
# that was sent has to be read for that; `\u` may spell anything. Events are looked up one by one: rows of `unnest` are
# expected to be few, and by the order of letters of `handoff` the index of `interaction` cannot be used.
_MAYBE_CONCEALED_TEMPLATE = """
with standing as materialized (
    select h.handoff, h.sender, h.receiver from handoff h where h.offered_at is not null and {which}
), word as (
    select convert_to(org, 'UTF8') as said from organisation where conceals
    union select convert_to(service, 'UTF8') from concealed_service
    union select convert_to('conceal', 'UTF8')
    union select '\\x5c75'::bytea
)
select h.handoff from standing h join organisation o on o.org in (h.sender, h.receiver) where o.conceals
union
select h.handoff from standing h join handoff_input m on m.handoff = h.handoff and m.kind = 'amended'
union
select i.handoff from unnest(array(select handoff from standing)) h(handoff)
join interaction i on i.handoff = h.handoff collate "default"
join subject_ref s on s.id = i.ref
left join step_kind k on k.id = i.kind
where i.key_id is not null or exists (select from word w where position(w.said in i.payload) > 0)
    or exists (select from organisation o where o.org = s.org and o.conceals)
    or exists (select from concealed_ref c where c.org = s.org and c.subject = s.subject)
    or exists (select from concealed_service c where c.org = s.org and (c.service = k.service or k.id is null))
    or exists (select from amendment a where a.target_source = i.source and a.target_id = i.id)
"""
_MAYBE_CONCEALED = _MAYBE_CONCEALED_TEMPLATE.format(which="(h.ended_at is null or h.offered_at >= $1)")
_MAYBE_CONCEALED_SILENT = _MAYBE_CONCEALED_TEMPLATE.format(
    which=f"(h.ended_at is null or h.offered_at >= $1) and {_OVERDUE_CONDITION}"
)


class OverviewScope(NamedTuple):
    """As of when, back to when, and what is left out."""

    now: datetime
    since: datetime
    """Those that have ended count if they were offered since; those that are open always do."""
    hidden_handoffs: Collection[str] = ()
    """Hand-offs that must not be told of."""


class SilentCounts(NamedTuple):
    """How many hand-offs are silent now, and why."""

    silent: int
    unanswered: int
    """Nobody answered; in the others nobody met the person."""


class OrganisationPair(NamedTuple):
    """What one organisation has handed to another."""

    sender: str
    receiver: str | None
    offered: int
    waiting: int
    accepted: int
    median_to_acceptance: timedelta | None
    """Half of those that were accepted waited no longer."""
    contacted: int
    median_to_contact: timedelta | None
    silent: int
    """Nobody answered in time."""
    unmet: int
    """Somebody answered, and nobody met the person in time."""
    declined: int
    expired: int
    observable: bool
    """Whether the receiver is on the register: of nobody else it can be said that she is silent."""


class PairCursor(NamedTuple):
    """Where a hand-off stands in the list of its pair."""

    handoff: str
    ended: bool
    silent_since: datetime | None
    offered: datetime


class HandoffLineRow(NamedTuple):
    """A hand-off as it stands."""

    handoff: str
    sender: str
    receiver: str | None
    state: str | None
    offered: datetime
    accepted: datetime | None
    first_contact: datetime | None
    ended: datetime | None
    ended_by: str | None
    due_accept: datetime | None
    due_contact: datetime | None
    answered_accept: datetime | None
    answered_contact: datetime | None
    observable: bool
    no_answer: bool
    no_contact: bool
    redirects: int
    anomalies: int
    pathway: UUID

    @property
    def silent_since(self) -> datetime | None:
        """Since when somebody is waited for, and too long."""
        due = (self.due_accept if self.no_answer else None, self.due_contact if self.no_contact else None)
        return min((each for each in due if each is not None), default=None)


async def list_pairs(
    connection: asyncpg.Connection, scope: OverviewScope, limit: int, org: str = "", offset: int = 0
) -> tuple[int, list[OrganisationPair]]:
    """How many pairs hand to one another, and of those, after so many, who: those with most silence first.

    `org`: those alone of which it is either side.
    """
    rows = [
        tuple(row)
        for row in await connection.fetch(
            _ALL_HANDOFFS + _SUMMARY_BY_PAIR, *_scope_arguments(scope), limit, org, offset
        )
    ]
    return (rows[0][-1] if rows else 0), [OrganisationPair(*row[:-1]) for row in rows]


async def list_organisations(connection: asyncpg.Connection, scope: OverviewScope) -> list[str]:
    """Whoever is either side of a hand-off."""
    return [row["org"] for row in await connection.fetch(_ALL_HANDOFFS + _ORGANISATIONS, *_scope_arguments(scope))]


async def list_of_pair(
    connection: asyncpg.Connection,
    scope: OverviewScope,
    sender: str,
    receiver: str | None,
    limit: int,
    after: PairCursor | None = None,
) -> list[HandoffLineRow]:
    """What one handed to the other: open before ended, the longest silent first."""
    arguments = (*_scope_arguments(scope), sender, receiver, limit, *(after or (None, None, None, None)))
    rows = await connection.fetch(_ALL_HANDOFFS + _HANDOFFS_OF_PAIR + _SELECTED_HANDOFFS + _WORST_FIRST, *arguments)
    return [HandoffLineRow(*row.values()) for row in rows]


async def list_longest_silent(
    connection: asyncpg.Connection, scope: OverviewScope, limit: int, after: tuple[str, datetime] | None = None
) -> list[HandoffLineRow]:
    """Those that are silent now, the longest silent first; after this hand-off, which was silent since then."""
    rows = await connection.fetch(
        _SILENT_HANDOFFS + _LONGEST_SILENT + _SELECTED_HANDOFFS + _LONGEST_FIRST,
        *_scope_arguments(scope),
        limit,
        *(after or (None, None)),
    )
    return [HandoffLineRow(*row.values()) for row in rows]


async def list_latest_silent(
    connection: asyncpg.Connection, scope: OverviewScope, limit: int
) -> tuple[SilentCounts, list[HandoffLineRow]]:
    """How many are silent now, and those of them that fell silent last."""
    rows = await connection.fetch(
        _SILENT_HANDOFFS + _LATEST_SILENT + _SELECTED_HANDOFFS + _LATEST_FIRST, *_scope_arguments(scope), limit
    )
    if len(rows) < limit:
        counts = SilentCounts(len(rows), sum(row["no_answer"] for row in rows))
    else:
        counts = SilentCounts(*await connection.fetchrow(_SILENT_HANDOFFS + _COUNT_SILENT, *_scope_arguments(scope)))
    return counts, [HandoffLineRow(*row.values()) for row in rows]


async def maybe_concealed(connection: asyncpg.Connection, since: datetime) -> set[str]:
    """Hand-offs, open or offered since, that may tell of what is concealed; each has to be read to know."""
    return {row["handoff"] for row in await connection.fetch(_MAYBE_CONCEALED, since)}


async def maybe_concealed_silent(connection: asyncpg.Connection, now: datetime) -> set[str]:
    """Those of them that may be silent now."""
    return {row["handoff"] for row in await connection.fetch(_MAYBE_CONCEALED_SILENT, now)}


def _scope_arguments(scope: OverviewScope) -> tuple[datetime, datetime, list[str]]:
    return scope.now, scope.since, list(scope.hidden_handoffs)
