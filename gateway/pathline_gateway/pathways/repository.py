"""Reading a pathway: which refs it has, and their interactions in one ordered index scan a ref."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways import kind_repository
from pathline_gateway.pathways.amendments import Amendment
from pathline_gateway.pathways.counts_for_handoff_sql import COUNTS_FOR_HANDOFF
from pathline_gateway.pathways.step import Step
from pathline_gateway.pathways.step_building import build_step
from pathline_gateway.pathways.stored_form import StepKind, open_payload, render_earlier

_PATHWAY_OF_REF = """
select coalesce((select pathway from membership m where m.ref = s.id and m.valid_until is null), s.anchor_id)
from subject_ref s where s.org = $1 and s.subject = $2
"""
# One row: where this id leads now, and of a pathway that is current its refs, in order, and whether any of its
# interactions was voided or corrected.
_MEMBERS = """
with asked as (
    select s.id, s.org, s.subject, s.anchor_id, s.revision, s.names_handoff, m.pathway
    from subject_ref s left join membership m on m.ref = s.id and m.valid_until is null
    where s.anchor_id = $1
), member as (
    select id, org, subject, revision, names_handoff from asked where pathway is null
    union all
    select s.id, s.org, s.subject, s.revision, s.names_handoff from asked a
    join membership m on m.pathway = a.pathway and m.valid_until is null
    join subject_ref s on s.id = m.ref
    where a.pathway = a.anchor_id
)
select (select coalesce(pathway, anchor_id) from asked) as pathway,
    array_agg(id order by org, subject) as numbers,
    array_agg(org order by org, subject) as orgs,
    array_agg(subject order by org, subject) as subjects,
    array_agg(revision order by org, subject) as revisions, bool_or(names_handoff) as names_handoff,
    bool_or(exists (select from amendment a where a.target_ref = member.id)) as amended
from member
"""
# A row for what `_MEMBERS` says, as JSON; a row a step, in no order; and what was published elsewhere about the
# hand-offs of these steps, by a receiver who knows the person by a name that nobody has linked yet. All at one moment.
# Instants come as JSON, too: to make a datetime of each costs the reader more than all other columns do.
# What a hand-off names is looked up key by key (`offset 0`): with nothing counted yet, Postgres would read it all.
_PATHWAY = f"""
with asked as (
    select s.id, s.org, s.subject, s.anchor_id, s.revision, s.names_handoff, m.pathway
    from subject_ref s left join membership m on m.ref = s.id and m.valid_until is null
    where s.anchor_id = $1
), member as (
    select id, org, subject, revision, names_handoff from asked where pathway is null
    union all
    select s.id, s.org, s.subject, s.revision, s.names_handoff from asked a
    join membership m on m.pathway = a.pathway and m.valid_until is null
    join subject_ref s on s.id = m.ref
    where a.pathway = a.anchor_id
), head as (
    select (select coalesce(pathway, anchor_id) from asked) as pathway,
        array_agg(id order by org, subject) as numbers,
        array_agg(org order by org, subject) as orgs,
        array_agg(subject order by org, subject) as subjects,
        array_agg(revision order by org, subject) as revisions, bool_or(names_handoff) as names_handoff,
        bool_or(exists (select from amendment a where a.target_ref = member.id)) as amended
    from member
), own as materialized (
    select i.ref, i.source, i.id, i.type, i.time, i.sequence, i.handoff, i.kind, i.payload
    from head h join interaction i on i.ref = any(h.numbers) limit $2
), named as (
    select distinct handoff from own where handoff is not null
), about as (
    select e.* from named n cross join head h cross join lateral (
        select i.* from interaction i where i.handoff = n.handoff offset 0
    ) as e
    where not e.ref = any(h.numbers)
    union all
    select i.* from named n
    join handoff_input m on m.handoff = n.handoff and m.kind = 'amended'
    join event_identity k on k.source = m.source and k.id = m.id
    join interaction i on i.ref = k.ref and i.time = k.time and i.source = k.source and i.id = k.id
)
select null::bigint as ref, null::int as source, null::text as id, null::smallint as type, null::json as time,
    null::text as sequence, null::text as handoff, null::int as kind, null::bytea as payload, row_to_json(head) as about
from head
union all
select ref, source, id, type, to_json(time at time zone 'UTC'), sequence, handoff, kind, payload, null
from own
union all
select i.ref, i.source, i.id, i.type, to_json(i.time at time zone 'UTC'), i.sequence, i.handoff, i.kind, i.payload,
    json_build_object('org', s.org, 'subject', s.subject, 'amended',
        exists (select from amendment a where a.target_source = i.source and a.target_id = i.id))
from head h cross join about i
join event_type t on t.id = i.type
cross join lateral (select id, org, subject, anchor_id from subject_ref where id = i.ref offset 0) s
where t.type like 'org.pathline.handoff.%' and not i.ref = any(h.numbers) and {COUNTS_FOR_HANDOFF}
"""  # noqa: S608 (text of the project alone)
_AMENDMENTS = """
select src.source, a.id, e.time, e.sequence, tsrc.source as target_source, a.target_id, a.kind, e.payload
from amendment a
join evidence e on e.source = a.source and e.id = a.id
join source src on src.id = a.source
join source tsrc on tsrc.id = a.target_source
where a.target_ref = any($1::bigint[])
"""


@dataclass(frozen=True, slots=True)
class PathwayMembers:
    """The refs of a pathway: their numbers, organisation and subject of each, in order; and the revision of each."""

    pathway: UUID
    numbers: Sequence[int]
    refs: Sequence[tuple[str, str]]
    has_amendments: bool
    """Whether any interaction under them was voided or corrected."""
    revisions: Sequence[int] = ()
    """Of each: answers of a pull change only when one of them does, or when an instant passes."""
    names_handoff: bool = True
    """Whether a step under any of them names a hand-off."""

    def narrowed(self, is_kept: Callable[[str, str], bool]) -> PathwayMembers:
        """Those of the refs alone of which (organisation, subject) this is so."""
        kept = [(number, ref) for number, ref in zip(self.numbers, self.refs, strict=True) if is_kept(*ref)]
        return replace(self, numbers=[number for number, _ in kept], refs=[ref for _, ref in kept], revisions=())


async def find_pathway(connection: asyncpg.Connection, org: str, subject: str) -> UUID | None:
    """The pathway that this subject belongs to; None when nothing was ever published under it."""
    pathway_id: UUID | None = await connection.fetchval(_PATHWAY_OF_REF, org, subject)
    return pathway_id


async def load_members(connection: asyncpg.Connection, pathway: UUID) -> PathwayMembers | UUID | None:
    """The refs of the pathway with this id; the id that it was joined into; None when there is none."""
    row = await connection.fetchrow(_MEMBERS, pathway)
    if row["pathway"] != pathway:
        moved_to: UUID | None = row["pathway"]
        return moved_to
    return _members_from_row(row, pathway)


class StoredStep(NamedTuple):
    """An interaction as it is stored.

    The instant is JSON that Postgres makes: in UTC, without an offset or zeros at the end of a fraction. As text
    instants have the order of time. The kind is None where an earlier version stored the payload: see `stored_form`.
    `about`, of a row from another pathway: further columns, as JSON.
    """

    ref: int
    source: int
    id: str
    type: int
    time: str
    sequence: str | None
    handoff: str | None
    kind: int | None
    payload: bytes
    about: str | None = None


IDENTITY_COLUMNS = StoredStep._fields.index("id") + 1
"""How many of its columns, from the first on, say which interaction a row is."""


@dataclass(frozen=True, slots=True)
class StoredPathway:
    """The interactions of a pathway in their order, and what the numbers in them stand for.

    `elsewhere`: events of its hand-offs that stand on other pathways, in no order; `amended` where one of them is.
    """

    rows: Sequence[StoredStep] = ()
    sources: Mapping[int, str] = field(default_factory=dict)
    types: Mapping[int, str] = field(default_factory=dict)
    refs: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    kinds: Mapping[int, StepKind] = field(default_factory=dict)
    elsewhere: Sequence[StoredStep] = ()
    has_amended_elsewhere: bool = False

    def steps(self) -> list[Step]:
        """Each as a step."""
        return [self._to_step(row) for row in self.rows]

    def steps_elsewhere(self) -> list[Step]:
        """Each of the others as a step."""
        return [self._to_step(row) for row in self.elsewhere]

    def render_earlier(self, row: StoredStep) -> tuple[StepKind, bytes]:
        """Kind and payload of a row that an earlier version stored."""
        return render_earlier(self.sources[row.source], self.types[row.type], open_payload(row.payload))

    def _to_step(self, row: StoredStep) -> Step:
        return build_step(
            (self.sources[row.source], row.id, self.types[row.type], _parse_instant(row.time)),
            self.refs[row.ref],
            None if row.kind is None else self.kinds[row.kind],
            row.sequence,
            row.payload,
        )


def _parse_instant(text: str) -> datetime:
    return datetime.fromisoformat(f"{text[1:-1]}Z")


# What `Row._make` does, at half the cost.
_make_row = partial(tuple.__new__, StoredStep)
_time = attrgetter("time")


def _sort_rows(rows: Sequence[StoredStep], sources: Mapping[int, str]) -> Sequence[StoredStep]:
    """As `Step.order` says; few rows have the time of another."""
    ordered = sorted(rows, key=_time)
    if len(set(map(_time, ordered))) < len(ordered):
        ordered.sort(key=lambda r: (r.time, sources[r.source], r.sequence is not None, r.sequence or "", r.id))
    return ordered


def stored_pathway_from_records(
    records: Sequence[asyncpg.Record],
    sources: Mapping[int, str],
    types: Mapping[int, str],
    refs: Mapping[int, tuple[str, str]],
    kinds: Mapping[int, StepKind],
) -> StoredPathway:
    """Records of just the columns of a row but the last, in order."""
    rows = _sort_rows([_make_row((*record, None)) for record in records], sources)
    return StoredPathway(rows, sources, types, refs, kinds)


async def load_pathway(
    connection: asyncpg.Connection, pathway: UUID, max_interactions: int | None = None
) -> tuple[PathwayMembers | UUID | None, StoredPathway]:
    """Its refs, as `load_members` says, and the interactions under them; both at one moment.

    `max_interactions`: of a pathway with more interactions some of them are told, one more than that.
    """
    records = await connection.fetch(_PATHWAY, pathway, None if max_interactions is None else max_interactions + 1)
    head = orjson.loads(next(each["about"] for each in records if each["ref"] is None))
    if head["pathway"] != str(pathway):
        return None if head["pathway"] is None else UUID(head["pathway"]), StoredPathway()
    loaded_members = _members_from_row(head, pathway)
    own_rows, elsewhere_rows, numbers = await run_off_loop(len(records), lambda: _split_records(records))
    elsewhere = [row for row, _ in elsewhere_rows]
    sources, types = await organisation_repository.load_names(connection, numbers.sources, numbers.types)
    kinds = await kind_repository.load_kinds(connection, numbers.kinds)
    refs = dict(zip(loaded_members.numbers, loaded_members.refs, strict=True))
    refs |= {row.ref: (details["org"], details["subject"]) for row, details in elsewhere_rows}
    is_amended = any(details["amended"] for _, details in elsewhere_rows)
    ordered = await run_off_loop(len(own_rows), lambda: _sort_rows(own_rows, sources))
    return loaded_members, StoredPathway(ordered, sources, types, refs, kinds, elsewhere, is_amended)


class NameNumbers(NamedTuple):
    """The numbers of sources, types and kinds."""

    sources: Collection[int]
    types: Collection[int]
    kinds: Collection[int]


def numbers_in(rows: Iterable[StoredStep]) -> NameNumbers:
    """The numbers in these rows."""
    sources, types, kinds = set[int](), set[int](), set[int | None]()
    for row in rows:
        sources.add(row.source)
        types.add(row.type)
        kinds.add(row.kind)
    return NameNumbers(sources, types, {number for number in kinds if number is not None})


def _split_records(
    records: Sequence[asyncpg.Record],
) -> tuple[list[StoredStep], Collection[tuple[StoredStep, Any]], NameNumbers]:
    """The rows of the pathway itself; those from elsewhere, each with its further columns; what is named in all."""
    rows = list(map(_make_row, records))
    own_rows = [row for row in rows if row.about is None]
    # Once each: what a correction names, too, may come by both ways.
    elsewhere_rows = {
        (row.source, row.id): (row, orjson.loads(row.about))
        for row in rows
        if row.about is not None and row.ref is not None
    }
    all_rows = [*own_rows, *(row for row, _ in elsewhere_rows.values())] if elsewhere_rows else own_rows
    return own_rows, elsewhere_rows.values(), numbers_in(all_rows)


def _members_from_row(row: Mapping[str, Any], pathway: UUID) -> PathwayMembers:
    refs = list(zip(row["orgs"], row["subjects"], strict=True))
    return PathwayMembers(pathway, row["numbers"], refs, row["amended"], row["revisions"], row["names_handoff"])


async def load_amendments(connection: asyncpg.Connection, refs: Sequence[int]) -> list[Amendment]:
    """The voids and corrections of interactions under these refs."""
    return [amendment_from_row(row) for row in await connection.fetch(_AMENDMENTS, refs)]


def amendment_from_row(row: asyncpg.Record) -> Amendment:
    """A row of a void or a correction with its payload."""
    target = (row["target_source"], row["target_id"])
    amendment = Amendment(row["source"], row["id"], row["time"], row["sequence"], target, None)
    if row["kind"] != "corrected":
        return amendment
    opened = open_payload(row["payload"])
    return replace(amendment, data=opened.data, sent_data=opened.sent_data)
