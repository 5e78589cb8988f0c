"""The events of hand-offs, and the links that redeemed tokens make."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from pathline_gateway.pathways.amendments import Amendment
from pathline_gateway.pathways.counts_for_handoff_sql import COUNTS_FOR_HANDOFF
from pathline_gateway.pathways.partial_step import partial_step_from_row
from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.stored_form import open_payload
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION


class HandoffInputRow(NamedTuple):
    """An event after which a hand-off has to be looked at."""

    kind: str
    handoff: str | None
    source: int
    id: str


class HandoffEvents(NamedTuple):
    """What was published about some hand-offs: steps, what amends them, and the row of each by source and id."""

    steps: Sequence[Step]
    amendments: Sequence[Amendment]
    rows: Mapping[tuple[str, str], asyncpg.Record]


class HandoffLinkRow(NamedTuple):
    """A row of `handoff_link`."""

    handoff: str
    source: int
    id: str
    ref_a: int
    ref_b: int
    asserted_at: datetime
    is_late: bool


class HandoffParty(NamedTuple):
    """Who says something of a hand-off: an organisation, or a person under her own account."""

    handoff: str
    org: str
    subject: str
    """Of a person; the records of an organisation count together, and this is empty."""


def party_of(org: str, subject: str) -> tuple[str, str]:
    """Whose word an event under this ref is: all persons publish as one organisation, and each is heard for herself."""
    return org, subject if org == CITIZEN_ORGANISATION else ""


_TOKEN_TYPES = [f"org.pathline.handoff.{verb}.v1" for verb in ("offered", "redirected", "accepted", "declined")]
"""What gives a token, and what shows one."""

# An offer is looked at by who redeems it; only one that comes after that has to be looked at itself, and one that a
# correction that came before it puts into another hand-off.
_INSERT = """
insert into handoff_input (kind, handoff, source, id)
select n.kind, n.handoff, n.source, n.id
from unnest($1::text[], $2::text[], $3::int[], $4::text[]) with ordinality as n(kind, handoff, source, id, nth)
where n.kind <> 'asked' or n.handoff = any($5::text[])
    or exists (select from handoff_input k where k.handoff = n.handoff)
    or exists (select from handoff_input m where m.kind = 'amended' and m.source = n.source and m.id = n.id)
order by n.nth
"""
_INPUTS_BY_SEQ = "select seq, kind, handoff, source, id from handoff_input where seq = any($1::bigint[]) order by seq"
# The events' own refs, those of the hand-offs that they are or were of, and what was derived from these.
_REFS_OF_INPUTS = """
with input as (
    select * from unnest($1::text[], $2::int[], $3::text[]) as k(handoff, source, id)
), own as (
    select i.ref, i.handoff from input k
    join event_identity e on e.source = k.source and e.id = k.id
    join interaction i on i.ref = e.ref and i.time = e.time and i.source = e.source and i.id = e.id
), about as (
    select handoff from input union select handoff from own
)
select ref from own
union
select i.ref from about a cross join lateral (
    select i.ref, i.type from interaction i where i.handoff = a.handoff offset 0
) i
join event_type t on t.id = i.type and t.type = any($4::text[])
union
select unnest(array[h.ref_a, h.ref_b]) from about a join handoff_link h on h.handoff = a.handoff
"""
# Hand-offs that these events belong to: as they were sent, and as corrections say that may have come before them.
_HANDOFFS_OF_EVENTS = """
select i.handoff from unnest($1::int[], $2::text[]) as k(source, id)
join event_identity e on e.source = k.source and e.id = k.id
join interaction i on i.ref = e.ref and i.time = e.time and i.source = e.source and i.id = e.id
where i.handoff is not null
union
select m.handoff from unnest($1::int[], $2::text[]) as k(source, id)
join handoff_input m on m.source = k.source and m.id = k.id and m.kind = 'amended'
where m.handoff is not null
"""
_REDEEMED_HANDOFFS = """
select distinct handoff from handoff_input where handoff = any($1::text[]) and kind <> 'asked'
"""
_EVENTS = f"""
with named as (
    select i.handoff, i.source, i.id, i.ref, i.time, i.type, i.sequence, i.received_at, i.payload
    from unnest($1::text[]) k(handoff)
    cross join lateral (select * from interaction i where i.handoff = k.handoff offset 0) i
    union
    select m.handoff, i.source, i.id, i.ref, i.time, i.type, i.sequence, i.received_at, i.payload
    from handoff_input m
    join event_identity e on e.source = m.source and e.id = m.id
    join interaction i on i.ref = e.ref and i.time = e.time and i.source = e.source and i.id = e.id
    where m.handoff = any($1::text[]) and m.kind = 'amended'
)
select i.handoff, i.source as source_number, src.source, i.id, i.ref, t.type, i.time, s.org, s.subject,
    i.sequence, i.received_at, i.payload
from named i
join source src on src.id = i.source
join event_type t on t.id = i.type and t.type like 'org.pathline.handoff.%'
join subject_ref s on s.id = i.ref
where $2 or {COUNTS_FOR_HANDOFF}
"""  # noqa: S608 (text of this file alone)
# No more are counted than matter.
_COUNT_EVENTS = """
select k.handoff, k.org, k.subject, (
    select count(*) from (
        select from interaction i join subject_ref s on s.id = i.ref
        where i.handoff = k.handoff and s.org = k.org and (k.subject = '' or s.subject = k.subject) limit $4
    ) as found
) as n
from unnest($1::text[], $2::text[], $3::text[]) as k(handoff, org, subject)
"""
_AMENDMENTS = """
select src.source, a.id, e.time, e.sequence, tsrc.source as target_source, a.target_id, a.kind, e.payload
from unnest($1::int[], $2::text[]) as k(source, id)
join amendment a on a.target_source = k.source and a.target_id = k.id
join evidence e on e.source = a.source and e.id = a.id
join source src on src.id = a.source
join source tsrc on tsrc.id = a.target_source
"""
_DERIVED_LINKS = "select * from handoff_link where handoff = any($1::text[])"
_DELETE_LINKS = "delete from handoff_link where handoff = any($1::text[])"


async def insert_inputs(connection: asyncpg.Connection, rows: Sequence[HandoffInputRow]) -> None:
    """The membership writer will look at these.

    Call under the change-log lock: it reads on from the last `seq`, which must therefore be commit order.
    """
    redeemed_ids = [row.handoff for row in rows if row.kind != "asked"]
    await connection.execute(_INSERT, *map(list, zip(*rows, strict=True)), redeemed_ids)


async def load_inputs(connection: asyncpg.Connection, seqs: Collection[int]) -> list[asyncpg.Record]:
    """These, in order: seq, kind, handoff, source, id."""
    return list(await connection.fetch(_INPUTS_BY_SEQ, list(seqs))) if seqs else []


async def affected_refs(connection: asyncpg.Connection, inputs: Sequence[asyncpg.Record]) -> set[int]:
    """The refs that these may join or part."""
    columns = [[row[name] for row in inputs] for name in ("handoff", "source", "id")]
    return {row["ref"] for row in await connection.fetch(_REFS_OF_INPUTS, *columns, _TOKEN_TYPES)}


async def handoffs_of_events(connection: asyncpg.Connection, targets: Collection[tuple[int, str]]) -> set[str]:
    """The hand-offs that these events belong to, as sent or as corrected."""
    rows = await connection.fetch(_HANDOFFS_OF_EVENTS, [t[0] for t in targets], [t[1] for t in targets])
    return {row["handoff"] for row in rows}


async def redeemed_handoffs(connection: asyncpg.Connection, handoffs: Collection[str]) -> set[str]:
    """Those of which a token was shown, perhaps."""
    return {row["handoff"] for row in await connection.fetch(_REDEEMED_HANDOFFS, list(handoffs))}


async def load_events(
    connection: asyncpg.Connection, handoffs: Collection[str], *, include_disregarded: bool = False
) -> HandoffEvents:
    """The events about these hand-offs that count; with `include_disregarded` all of them."""
    records = await connection.fetch(_EVENTS, list(handoffs), include_disregarded)
    rows = {(r["source"], r["id"]): r for r in records}
    amendments = await load_amendments(connection, {(r["source_number"], r["id"]) for r in records})
    return HandoffEvents([partial_step_from_row(r) for r in rows.values()], amendments, rows)


async def count_events(
    connection: asyncpg.Connection, parties: Collection[HandoffParty], max_count: int
) -> dict[HandoffParty, int]:
    """How many events name these hand-offs, by party; no more than `max_count` are counted."""
    rows = await connection.fetch(_COUNT_EVENTS, *map(list, zip(*parties, strict=True)), max_count)
    return {HandoffParty(row["handoff"], row["org"], row["subject"]): row["n"] for row in rows}


async def load_amendments(connection: asyncpg.Connection, targets: Collection[tuple[int, str]]) -> list[Amendment]:
    """The voids and corrections of these events (number of the source, id)."""
    rows = await connection.fetch(_AMENDMENTS, [t[0] for t in targets], [t[1] for t in targets])
    return [_amendment_from_row(r) for r in rows]


async def derived_links(connection: asyncpg.Connection, handoffs: Collection[str]) -> set[HandoffLinkRow]:
    """What was derived from these hand-offs so far."""
    return {HandoffLinkRow(*row.values()) for row in await connection.fetch(_DERIVED_LINKS, list(handoffs))}


async def replace_links(
    connection: asyncpg.Connection, handoffs: Collection[str], rows: Iterable[HandoffLinkRow]
) -> None:
    """This is what these hand-offs come to."""
    await connection.execute(_DELETE_LINKS, list(handoffs))
    await connection.copy_records_to_table("handoff_link", records=list(rows), columns=HandoffLinkRow._fields)


def _amendment_from_row(row: asyncpg.Record) -> Amendment:
    data = open_payload(row["payload"]).data if row["kind"] == "corrected" else None
    target = (row["target_source"], row["target_id"])
    return Amendment(row["source"], row["id"], row["time"], row["sequence"], target, data)
