"""A batch of records becomes rows, in one Postgres transaction with the positions that it moves (design: intake)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg

from pathline.interaction import organisation_of
from pathline.vocabulary import (
    IdentityDistinguished,
    IdentityLinked,
    IdentityRetracted,
    InteractionCorrected,
    InteractionVoided,
    Payload,
)
from pathline_gateway.intake.reading import Accepted, Parked, Record, read
from pathline_gateway.intake.steps import is_step
from pathline_gateway.store import amendments, changes, interactions, links, parked, positions, refs, register
from pathline_gateway.store.positions import Partition
from pathline_gateway.telemetry import parse_traceparent


class FetchedBeyondPosition(Exception):
    """The batch was fetched from beyond where Postgres stands: an earlier batch failed. Seek to `next_offsets`."""

    def __init__(self, next_offsets: Mapping[Partition, int]) -> None:
        self.next_offsets = next_offsets
        super().__init__("the batch was fetched from beyond the position")


@dataclass(frozen=True)
class Log:
    """Which log is read, for which group, and whether an unknown organisation is entered at its first event."""

    group: str
    epoch: int
    register_unknown: bool


@dataclass
class Outcome:
    """What a batch came to, for metrics."""

    accepted: int = 0
    duplicates: int = 0
    evidence: int = 0
    parked: list[Parked] = field(default_factory=list)
    next_offsets: dict[Partition, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """The records of one poll, by partition, in offset order."""

    records: Mapping[Partition, Sequence[Record]]
    fetched_from: Mapping[Partition, int]
    """The position that each partition was read from. Offsets need not be contiguous: the first record may be later."""


def read_batch(batch: Batch) -> dict[int, Accepted | Parked]:
    """Each record of the batch, read alone, by the record's place in memory."""
    return {id(record): read(record) for records in batch.records.values() for record in records}


async def apply(connection: asyncpg.Connection, log: Log, batch: Batch) -> Outcome:
    """The batch is stored or parked, and the positions moved, all or nothing.

    Records below the position are skipped: another consumer stored them. Raises FetchedBeyondPosition, having changed
    nothing, when the batch leaves a gap.
    """
    readings = read_batch(batch)
    async with connection.transaction():
        stands = await positions.lock(connection, log.group, log.epoch, sorted(batch.records))
        fresh = _fresh(batch, stands)
        _check_contiguous(batch, stands)
        outcome = Outcome(next_offsets={p: records[-1].offset + 1 for p, records in fresh.items() if records})
        writer = _Writer(connection, log, outcome)
        await writer.write([readings[id(record)] for records in fresh.values() for record in records])
        await positions.advance(
            connection,
            log.group,
            log.epoch,
            {
                p: (records[-1].offset + 1, positions.record_digest(records[-1]))
                for p, records in fresh.items()
                if records
            },
        )
        await writer.finish()
    return outcome


def _check_contiguous(batch: Batch, stands: Mapping[Partition, int]) -> None:
    if any(batch.fetched_from[p] > stands[p] for p in batch.records):
        raise FetchedBeyondPosition(stands)


def _fresh(batch: Batch, stands: Mapping[Partition, int]) -> dict[Partition, Sequence[Record]]:
    return {p: [r for r in records if r.offset >= stands[p]] for p, records in batch.records.items()}


@dataclass
class _Writer:
    """Writes one batch inside its transaction."""

    connection: asyncpg.Connection
    log: Log
    outcome: Outcome
    batch: int = 0
    touched: set[int] = field(default_factory=set)
    stored: list[interactions.Identity] = field(default_factory=list)
    amending: list[interactions.Identity] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)

    async def write(self, readings: Sequence[Accepted | Parked]) -> None:
        self.outcome.parked += [r for r in readings if isinstance(r, Parked)]
        accepted = await self._of_known_organisations([r for r in readings if isinstance(r, Accepted)])
        if accepted:
            self.batch = await interactions.new_batch(self.connection)
            await self._store(accepted)
        if self.outcome.parked:
            await parked.park(self.connection, self.log.epoch, [_parked_row(p) for p in self.outcome.parked])

    async def finish(self) -> None:
        """Last of all: the change log, under its lock, which is held to the commit."""
        self.totals["parked"] = len(self.outcome.parked)
        await changes.lock(self.connection)
        if self.amending or self.stored:
            resolved = await amendments.resolve(self.connection, self.amending, self.stored)
            self.touched |= resolved.refs
            self._count("interactions", -resolved.voided)
            self._count("stepped", -resolved.emptied)
        await changes.append(self.connection, self.touched, self.batch, "interaction", self.totals)

    async def _of_known_organisations(self, accepted: list[Accepted]) -> list[Accepted]:
        orgs = {a.interaction.org for a in accepted} | {org for a in accepted for org in _named_organisations(a)}
        unknown = orgs - await register.known_organisations(self.connection, orgs)
        if not unknown:
            return accepted
        if self.log.register_unknown:
            await register.add_organisations(self.connection, unknown)
            return accepted
        return [a for a in accepted if self._registered(a, unknown)]

    def _registered(self, accepted: Accepted, unknown: set[str]) -> bool:
        if accepted.interaction.org in unknown:
            self._park(
                accepted, "unknown-organisation", "is not on the register: ask the operator to enter it", "source"
            )
        elif _named_organisations(accepted) & unknown:
            self._park(accepted, "unknown-organisation", "names an organisation that is not on the register", "data")
        else:
            return True
        return False

    def _park(self, accepted: Accepted, reason: str, detail: str, field: str) -> None:
        self.outcome.parked.append(Parked(accepted.record, reason, detail, field, accepted.interaction.org))

    async def _store(self, accepted: list[Accepted]) -> None:
        first = self._first_of_each(accepted)
        sources = await register.source_numbers(
            self.connection, {a.interaction.source for a in accepted} | set(_target_sources(accepted))
        )
        numbers = await self._refs(first)
        rows = sorted(
            (
                interactions.IdentityRow(
                    sources[a.interaction.source],
                    a.interaction.id,
                    a.digest,
                    numbers.get((a.interaction.org, a.interaction.subject)) if is_step(a.interaction.payload) else None,
                    a.interaction.time,
                )
                for a in first
            ),
            key=lambda row: (row.source, row.id),
        )
        new = await interactions.claim(self.connection, rows)
        known = [a for a in first if (sources[a.interaction.source], a.interaction.id) not in new]
        await self._settle_known(known, sources)
        await self._insert(
            [a for a in first if (sources[a.interaction.source], a.interaction.id) in new], sources, numbers
        )

    def _first_of_each(self, accepted: list[Accepted]) -> list[Accepted]:
        """The first of each identity in this batch; its repeats are duplicates, or parked where they differ."""
        first: dict[tuple[str, str], Accepted] = {}
        for a in accepted:
            kept = first.setdefault(a.identity, a)
            if kept is not a:
                self._repeat(a, kept.digest)
        return list(first.values())

    def _repeat(self, accepted: Accepted, digest: bytes) -> None:
        if accepted.digest == digest:
            self.outcome.duplicates += 1
        else:
            self._park(accepted, "conflicting-duplicate", "the same source and id came with other content first", "id")

    async def _refs(self, accepted: list[Accepted]) -> Mapping[refs.Key, int]:
        steps = {(a.interaction.org, a.interaction.subject) for a in accepted if is_step(a.interaction.payload)}
        named = {key for a in accepted for key in _named_refs(a.interaction.payload)} - steps
        numbers: dict[refs.Key, int] = {}
        for keys, stepped in ((steps, True), (named, False)):
            if keys:
                found, made, began = await refs.number(self.connection, sorted(keys), stepped=stepped)
                numbers |= found
                self._count("subjects", made)
                self._count("stepped", began)
        return numbers

    def _count(self, name: str, n: int) -> None:
        self.totals[name] = self.totals.get(name, 0) + n

    async def _settle_known(self, known: list[Accepted], sources: Mapping[str, int]) -> None:
        if known:
            kept = await interactions.digests(
                self.connection, [(sources[a.interaction.source], a.interaction.id) for a in known]
            )
            for a in known:
                self._repeat(a, kept[sources[a.interaction.source], a.interaction.id])

    async def _insert(
        self, accepted: list[Accepted], sources: Mapping[str, int], numbers: Mapping[refs.Key, int]
    ) -> None:
        types = await register.type_numbers(self.connection, {a.interaction.type for a in accepted})
        steps = [a for a in accepted if is_step(a.interaction.payload)]
        others = [a for a in accepted if not is_step(a.interaction.payload)]
        if steps:
            rows = [_interaction_row(a, sources, types, numbers) for a in steps]
            await interactions.insert(self.connection, self.batch, rows)
            self.touched |= {row.ref for row in rows}
            self.stored += [(row.source, row.id) for row in rows]
        if others:
            await interactions.insert_evidence(
                self.connection, self.batch, [_evidence_row(a, sources, types) for a in others]
            )
            await links.insert(self.connection, list(_link_rows(others, sources, numbers)))
            amending = list(_amendment_rows(others, sources))
            await amendments.insert(self.connection, amending)
            self.amending += [(row.source, row.id) for row in amending]
        self.outcome.accepted, self.outcome.evidence = len(steps), len(others)
        self._count("interactions", len(steps))


def _named_refs(payload: Payload) -> Iterable[refs.Key]:
    if isinstance(payload, IdentityLinked):
        return [(ref.org, ref.subject) for ref in payload.same]
    if isinstance(payload, IdentityDistinguished):
        return [(ref.org, ref.subject) for ref in payload.different]
    return ()


def _named_organisations(accepted: Accepted) -> set[str]:
    refs_named = {org for org, _ in _named_refs(accepted.interaction.payload)}
    return refs_named | {organisation_of(source) for source in _target_sources([accepted])}


def _target_sources(accepted: Iterable[Accepted]) -> Iterable[str]:
    for a in accepted:
        payload = a.interaction.payload
        if isinstance(payload, IdentityRetracted):
            yield payload.evidence.source
        elif isinstance(payload, InteractionVoided | InteractionCorrected):
            yield payload.source


def _trace(accepted: Accepted) -> tuple[bytes | None, bytes | None]:
    context = parse_traceparent(accepted.interaction.event.attributes.get("traceparent"))
    return (None, None) if context is None else context


def _interaction_row(
    accepted: Accepted, sources: Mapping[str, int], types: Mapping[str, int], numbers: Mapping[refs.Key, int]
) -> interactions.InteractionRow:
    it, payload = accepted.interaction, accepted.interaction.payload
    trace_id, span_id = _trace(accepted)
    return interactions.InteractionRow(
        ref=numbers[it.org, it.subject],
        time=it.time,
        recordedtime=it.recordedtime,
        source=sources[it.source],
        type=types[it.type],
        id=it.id,
        sequence=it.sequence,
        service=payload.service,
        activity=getattr(payload, "activity", None),
        channel=payload.channel,
        initiator=payload.initiator,
        actor=payload.actor,
        phase=payload.coproduction,
        participation=payload.participation,
        horizon=payload.horizon,
        handoff=payload.handoff,
        trace_id=trace_id,
        span_id=span_id,
        payload=accepted.payload,
    )


def _evidence_row(accepted: Accepted, sources: Mapping[str, int], types: Mapping[str, int]) -> interactions.EvidenceRow:
    it = accepted.interaction
    trace_id, span_id = _trace(accepted)
    return interactions.EvidenceRow(
        source=sources[it.source],
        id=it.id,
        type=types[it.type],
        subject=it.subject,
        time=it.time,
        recordedtime=it.recordedtime,
        sequence=it.sequence,
        trace_id=trace_id,
        span_id=span_id,
        payload=accepted.payload,
    )


def _link_rows(
    accepted: Iterable[Accepted], sources: Mapping[str, int], numbers: Mapping[refs.Key, int]
) -> Iterable[links.LinkRow]:
    for a in accepted:
        it, payload = a.interaction, a.interaction.payload
        at = (sources[it.source], it.id)
        if isinstance(payload, IdentityRetracted):
            target = sources[payload.evidence.source], payload.evidence.id
            yield links.LinkRow(*at, "retracted", None, None, None, 1.0, it.time, *target)
        elif pair := list(_named_refs(payload)):
            left, right = (numbers[key] for key in pair)
            confidence = payload.confidence if isinstance(payload, IdentityLinked) else None
            method = payload.method if isinstance(payload, IdentityLinked) else None
            kind = "same" if isinstance(payload, IdentityLinked) else "different"
            yield links.LinkRow(
                *at, kind, left, right, method, 1.0 if confidence is None else confidence, it.time, None, None
            )


def _amendment_rows(accepted: Iterable[Accepted], sources: Mapping[str, int]) -> Iterable[amendments.AmendmentRow]:
    for a in accepted:
        it, payload = a.interaction, a.interaction.payload
        if isinstance(payload, InteractionVoided | InteractionCorrected):
            target = sources[payload.source], payload.id
            yield amendments.AmendmentRow(sources[it.source], it.id, payload.verb, *target)


def _parked_row(p: Parked) -> parked.ParkedRow:
    record = p.record
    return parked.ParkedRow(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC) if record.timestamp >= 0 else None,
        key=record.key,
        value=record.value,
        header_names=[name.replace("\x00", "\ufffd") for name, _ in record.headers],
        header_values=[value for _, value in record.headers],
        reason=p.reason,
        field=p.field,
        detail=p.detail,
        org=p.org,
    )
