"""Accepted interactions and parked records are written, inside somebody's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from pathline_gateway.handoffs import event_repository
from pathline_gateway.identity import membership_repository
from pathline_gateway.identity.links.rights import Rights
from pathline_gateway.intake import dedup_repository, handoff_budget, offer_budget, parked_repository, record_budget
from pathline_gateway.intake import event_repository as interactions
from pathline_gateway.intake.content_digest import DigestedContent, same
from pathline_gateway.intake.link_budget import REASONS, LinkBudget
from pathline_gateway.intake.record import Accepted, Parked, Reading
from pathline_gateway.intake.row_mapping import (
    amendment_rows,
    evidence_row,
    handoff_inputs,
    interaction_row,
    link_rows,
    named_organisations,
    named_refs,
    offered,
    parked_row,
    target_source,
)
from pathline_gateway.kafka.offset_repository import Partition, Position
from pathline_gateway.limits.table import Limits
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways import amendment_repository, subject_repository
from pathline_gateway.postgres import change_log
from pathline_gateway.postgres.registry_cache import RegistryCache


@dataclass
class BatchResult:
    """What a batch came to, for metrics."""

    accepted: int = 0
    duplicates: int = 0
    evidence: int = 0
    about_identity: bool = False
    """Whether the membership writer has something to look at."""
    parked: list[Parked] = field(default_factory=list)
    next_offsets: dict[Partition, int] = field(default_factory=dict)
    last: dict[Partition, Position] = field(default_factory=dict)
    """Where the positions that moved stand now."""
    epochs: Mapping[Partition, int] = field(default_factory=dict)
    """Of which logs the batch was."""


@dataclass
class RecordWriter:
    """Writes readings inside a transaction that its caller holds: `write`, then whatever else, then `finish`."""

    connection: asyncpg.Connection
    epochs: Mapping[Partition, int]
    register_unknown: bool
    """Auth is off: whoever publishes is let in, and may say who is who."""
    known: RegistryCache
    limits: Limits = field(default_factory=Limits)
    learned: RegistryCache = field(default_factory=RegistryCache)
    """What the transaction found out about the register; true once it is committed."""
    outcome: BatchResult = field(default_factory=BatchResult)
    batch: int = 0
    touched: set[int] = field(default_factory=set)
    stored: list[interactions.Identity] = field(default_factory=list)
    amending: list[interactions.Identity] = field(default_factory=list)
    linking: list[membership_repository.LinkEvidenceRow] = field(default_factory=list)
    handed: list[event_repository.HandoffInputRow] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    emptied: int = 0
    """How often voids had emptied a ref, by any writer, before this one looked which refs have a step."""

    def __post_init__(self) -> None:
        self._links = LinkBudget(self.connection, self.limits, self.register_unknown)

    async def write(self, readings: Sequence[Reading]) -> None:
        """These are stored, or known already, or parked."""
        self.outcome.parked += [r for r in readings if isinstance(r, Parked)]
        accepted = await self._of_known_organisations([r for r in readings if isinstance(r, Accepted)])
        accepted = await self._within_budgets(accepted)
        if accepted:
            self.batch = await change_log.new_batch(self.connection)
            await self._store(accepted)
        if self.outcome.parked:
            # In the order of their coming: of two that conflict, a replay takes in the first.
            in_order = sorted(self.outcome.parked, key=_position)
            rows = [parked_row(p, self._epoch(p)) for p in in_order]
            self.count("parked", await parked_repository.park(self.connection, rows))

    async def finish(self) -> BatchResult:
        """Last of all: the change log, under its lock, which is held to the commit."""
        await change_log.lock(self.connection)
        if self.linking:  # numbered here, so that whoever reads on from a number misses none
            await membership_repository.insert(self.connection, self.linking)
        if self.handed:
            await event_repository.insert(self.connection, self.handed)
        if self.stored:
            await self._step_again()
        if self.amending or self.stored:
            resolved = await amendment_repository.resolve(self.connection, self.amending, self.stored)
            self.touched |= resolved.refs
            self.count("interactions", -resolved.voided)
            self.count("stepped", -resolved.emptied)
            self.count("emptied", resolved.emptied)
        await change_log.append(self.connection, self.touched, self.batch, "interaction", self.totals)
        # An offer alone joins nobody; one that comes after its token was shown is found when the writer looks again.
        self.outcome.about_identity = bool(self.linking) or any(row.kind != "asked" for row in self.handed)
        return self.outcome

    async def _step_again(self) -> None:
        """Refs that another writer found empty, because it could not see this one's steps, have a step."""
        if await subject_repository.emptied(self.connection) != self.emptied:
            self.count("stepped", len(await subject_repository.step(self.connection, self.touched)))

    async def _within_budgets(self, accepted: list[Accepted]) -> list[Accepted]:
        offers = [(offer, a) for a in accepted if (offer := offered(a)) is not None]
        if offers:
            waiting = await offer_budget.beyond(self.connection, [offer for offer, _ in offers], self.limits)
            refused = {id(a) for offer, a in offers if offer.handoff in waiting}
            for a in (a for a in accepted if id(a) in refused):
                self._park(a, "over-open-offers", offer_budget.DETAIL, "data.to")
            accepted = [a for a in accepted if id(a) not in refused]
        if loud := await handoff_budget.beyond(self.connection, self.known, accepted, self.limits):
            for a in (a for a in accepted if id(a) in loud):
                self._park(a, "over-handoff-events", handoff_budget.DETAIL, "data.handoff")
            accepted = [a for a in accepted if id(a) not in loud]
        if crowding := await record_budget.beyond(self.connection, self.known, accepted, self.limits):
            for a in (a for a in accepted if id(a) in crowding):
                self._park(a, "over-handoff-events-of-record", record_budget.DETAIL, "data.handoff")
            accepted = [a for a in accepted if id(a) not in crowding]
        full = await self._links.admit(accepted)
        for a in accepted:
            if why := full.get(id(a)):
                self._park(a, f"over-{why}", REASONS[why], "data")
        return [a for a in accepted if id(a) not in full]

    def _epoch(self, p: Parked) -> int:
        return self.epochs[p.record.topic, p.record.partition]

    async def _of_known_organisations(self, accepted: list[Accepted]) -> list[Accepted]:
        named = {a.ref[0] for a in accepted}.union(*(named_organisations(a) for a in accepted if not a.step))
        unseen = named - self.known.orgs
        if not unseen:
            return accepted
        self.learned.orgs |= await organisation_repository.known_organisations(self.connection, unseen)
        unknown = unseen - self.learned.orgs
        if self.register_unknown and unknown:
            await organisation_repository.add_organisations(self.connection, unknown)
            self.learned.orgs |= unknown
            return accepted
        return [a for a in accepted if self._registered(a, unknown)]

    def _registered(self, accepted: Accepted, unknown: set[str]) -> bool:
        if accepted.ref[0] in unknown:
            self._park(
                accepted, "unknown-organisation", "is not on the register: ask the operator to enter it", "source"
            )
        elif named_organisations(accepted) & unknown:
            self._park(accepted, "unknown-organisation", "names an organisation that is not on the register", "data")
        else:
            return True
        return False

    def _park(self, accepted: Accepted, reason: str, detail: str, field: str) -> None:
        self.outcome.parked.append(Parked(accepted.record, reason, detail, field, accepted.ref[0]))

    async def _store(self, accepted: list[Accepted]) -> None:
        first: dict[tuple[str, str], Accepted] = {}
        for a in accepted:
            first.setdefault(a.identity, a)
        sources = await self._sources(accepted)
        numbered = await self._numbered(first.values())
        numbers = numbered.numbers
        rows: list[interactions.IdentityRow] = sorted(
            (sources[a.identity[0]], a.identity[1], a.digest, numbers[a.ref] if a.step else None, a.time)
            for a in first.values()
        )
        before = await interactions.claim(self.connection, rows)
        new = [a for a in first.values() if not before or (sources[a.identity[0]], a.identity[1]) not in before]
        if before:
            numbered = await subject_repository.keep_only(self.connection, numbered, _stepped(new))
        self.count("subjects", len(numbered.made))
        self.count("stepped", len(numbered.began))
        if len(new) < len(accepted):
            await self._settle(accepted, new, sources, before)
        await self._insert(new, sources, numbers)

    async def _sources(self, accepted: list[Accepted]) -> Mapping[str, int]:
        names = {a.identity[0] for a in accepted}
        names |= {target for a in accepted if not a.step and (target := target_source(a.payload))}
        if unseen := names - self.known.sources.keys():
            self.learned.sources = await organisation_repository.source_numbers(self.connection, unseen)
        return self.known.sources | self.learned.sources

    async def _types(self, accepted: list[Accepted]) -> Mapping[str, int]:
        if unseen := {a.type for a in accepted} - self.known.types.keys():
            self.learned.types = await organisation_repository.type_numbers(self.connection, unseen)
        return self.known.types | self.learned.types

    async def _settle(
        self,
        accepted: list[Accepted],
        new: list[Accepted],
        sources: Mapping[str, int],
        before: Collection[interactions.Identity],
    ) -> None:
        """What is not new is a duplicate, or parked where it differs from what was stored first."""
        digests = {a.identity: a.digest for a in new}
        if before:
            names = {number: name for name, number in sources.items()}
            known = await interactions.digests(self.connection, list(before))
            digests |= {(names[source], id): digest for (source, id), digest in known.items()}
        stored = set(map(id, new))
        repeats = [a for a in accepted if id(a) not in stored]
        written_otherwise = [a for a in repeats if a.digest != digests[a.identity]]
        self.outcome.duplicates += len(repeats) - len(written_otherwise)
        if written_otherwise:
            await self._compare(written_otherwise, {a.identity: a.content for a in new})

    async def _compare(self, repeats: Sequence[Accepted], kept: dict[tuple[str, str], DigestedContent]) -> None:
        """The same event in another form is a duplicate; other content under its name is parked."""
        elsewhere = {a.identity for a in repeats} - kept.keys()
        if elsewhere:
            known = await dedup_repository.contents(self.connection, elsewhere)
            kept |= {identity: DigestedContent(*content) for identity, content in known.items()}
        for a in repeats:
            if same(a.content, kept[a.identity]):
                self.outcome.duplicates += 1
            else:
                self._park(a, "conflicting-duplicate", "the same source and id came with other content first", "id")

    async def _numbered(self, accepted: Collection[Accepted]) -> subject_repository.Numbered:
        stepped = _stepped(accepted)
        if not stepped:
            return subject_repository.Numbered({}, set(), set())
        self.emptied = await subject_repository.emptied(self.connection)
        return await subject_repository.number(self.connection, stepped)

    def count(self, name: str, n: int) -> None:
        """A total moves by so much once this is finished."""
        self.totals[name] = self.totals.get(name, 0) + n

    async def _insert(
        self, accepted: list[Accepted], sources: Mapping[str, int], numbers: Mapping[subject_repository.Key, int]
    ) -> None:
        types = await self._types(accepted)
        steps = [a for a in accepted if a.step]
        others = [a for a in accepted if not a.step]
        if steps:
            rows = [interaction_row(a, sources, types, numbers, self.batch) for a in steps]
            await interactions.insert(self.connection, rows)
            self.touched |= {row.ref for row in rows}
            self.stored += [(row.source, row.id) for row in rows]
        if others:
            evidence = [evidence_row(a, sources, types) for a in others]
            await interactions.insert_evidence(self.connection, self.batch, evidence)
            rights = Rights(
                self.register_unknown,
                await organisation_repository.linkers(self.connection, {a.ref[0] for a in others}),
            )
            self.linking += link_rows(others, sources, numbers, rights)
            await self._links.write(others, numbers)
            amending = list(amendment_rows(others, sources))
            await amendment_repository.insert(self.connection, amending)
            self.amending += [(row.source, row.id) for row in amending]
        self.handed += handoff_inputs(accepted, sources)
        self.outcome.accepted, self.outcome.evidence = len(steps), len(others)
        self.count("interactions", len(steps))


def _stepped(accepted: Iterable[Accepted]) -> dict[subject_repository.Key, bool]:
    """The refs that these need, and whether a step stands under each."""
    accepted = list(accepted)
    named = (key for a in accepted if not a.step for key in named_refs(a.payload))
    return dict.fromkeys(named, False) | {a.ref: True for a in accepted if a.step}


def _position(p: Parked) -> tuple[str, int, int]:
    return p.record.topic, p.record.partition, p.record.offset
