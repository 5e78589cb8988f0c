"""Decides about each record of a batch, and writes it: accepted, duplicate or parked. It opens no transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from pathline_gateway.handoffs import event_repository
from pathline_gateway.identity import membership_repository
from pathline_gateway.identity.links.rights import Rights
from pathline_gateway.intake import accepted_repository as interactions
from pathline_gateway.intake import dedup_repository, handoff_budget, offer_budget, parked_repository, ref_budget
from pathline_gateway.intake.content_digest import DigestedContent, is_same_content
from pathline_gateway.intake.event_classes import CONSENT_TYPES
from pathline_gateway.intake.link_budget import DETAILS, LinkBudget
from pathline_gateway.intake.record import Accepted, Parked, ParsedRecord
from pathline_gateway.intake.row_mapping import (
    amendment_rows,
    evidence_row,
    extract_offer,
    handoff_inputs,
    interaction_row,
    kind_of,
    link_rows,
    named_organisations,
    named_refs,
    parked_row,
    target_source,
)
from pathline_gateway.intake.said_names import resolve_names
from pathline_gateway.kafka.offset_repository import Partition, Position
from pathline_gateway.limits.table import Limits
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.pathways import amendment_repository, kind_repository, revision_repository, subject_repository
from pathline_gateway.postgres import change_log
from pathline_gateway.postgres.registry_cache import Kind, RegistryCache

_HANDOFF_TYPE_PREFIX: Final = "org.pathline.handoff."


@dataclass
class BatchResult:
    """What a batch came to, for metrics."""

    accepted: int = 0
    duplicates: int = 0
    evidence: int = 0
    touches_identity: bool = False
    """Whether the membership writer has something to look at."""
    parked: list[Parked] = field(default_factory=list)
    next_offsets: dict[Partition, int] = field(default_factory=dict)
    last_positions: dict[Partition, Position] = field(default_factory=dict)
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
    registry: RegistryCache
    limits: Limits = field(default_factory=Limits)
    registry_additions: RegistryCache = field(default_factory=RegistryCache)
    """What the transaction found out about the register; true once it is committed."""
    result: BatchResult = field(default_factory=BatchResult)
    batch: int = 0
    touched_refs: set[int] = field(default_factory=set)
    touched_handoffs: set[str] = field(default_factory=set)
    gaining_steps: set[int] = field(default_factory=set)
    """Refs of before under which no step stood when this writer looked."""
    consent_refs: set[tuple[str, str]] = field(default_factory=set)
    """Under whom a consent was given or withdrawn: organisation and subject."""
    stored_identities: list[interactions.Identity] = field(default_factory=list)
    amendment_identities: list[interactions.Identity] = field(default_factory=list)
    link_evidence: list[membership_repository.LinkEvidenceRow] = field(default_factory=list)
    handoff_input_rows: list[event_repository.HandoffInputRow] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    emptied_count: int = 0
    """How often voids had emptied a ref, by any writer, before this one looked which refs have a step."""

    def __post_init__(self) -> None:
        self._links = LinkBudget(self.connection, self.limits, self.register_unknown)

    async def write(self, parsed_records: Sequence[ParsedRecord]) -> None:
        """These are stored, or known already, or parked."""
        self.result.parked += [r for r in parsed_records if isinstance(r, Parked)]
        accepted = await resolve_names(self.connection, [r for r in parsed_records if isinstance(r, Accepted)])
        accepted = await self._filter_registered(accepted)
        accepted = await self._apply_budgets(accepted)
        if accepted:
            self.batch = await change_log.new_batch(self.connection)
            await self._store(accepted)
        if self.result.parked:
            # In the order of their coming: of two that conflict, a replay takes in the first.
            in_order = sorted(self.result.parked, key=_position)
            rows = [parked_row(p, self._epoch(p)) for p in in_order]
            self.count("parked", await parked_repository.park(self.connection, rows))

    async def finish(self) -> BatchResult:
        """Last of all: the change log, under its lock, which is held to the commit."""
        await change_log.lock(self.connection)
        if self.link_evidence:  # numbered here, so that whoever reads on from a number misses none
            await membership_repository.insert_evidence(self.connection, self.link_evidence)
        if self.handoff_input_rows:
            await event_repository.insert_inputs(self.connection, self.handoff_input_rows)
        if self.stored_identities:
            await self._mark_refs_stepped()
        if self.amendment_identities or self.stored_identities:
            resolution = await amendment_repository.resolve_targets(
                self.connection, self.amendment_identities, self.stored_identities
            )
            self.touched_refs |= resolution.refs
            if resolution.targets:
                self.touched_handoffs |= await event_repository.handoffs_of_events(self.connection, resolution.targets)
            self.count("interactions", -resolution.voided_count)
            self.count("stepped", -resolution.emptied_count)
            self.count("emptied", resolution.emptied_count)
        await change_log.append(self.connection, self.touched_refs, self.batch, "interaction", self.totals)
        if self.touched_refs:
            await revision_repository.move(self.connection, self.touched_refs, self.touched_handoffs)
        if self.consent_refs:
            await revision_repository.move_consents(self.connection, self.consent_refs)
        # An offer alone joins nobody; one that comes after its token was shown is found when the writer looks again.
        self.result.touches_identity = bool(self.link_evidence) or any(
            row.kind != "asked" for row in self.handoff_input_rows
        )
        return self.result

    async def _mark_refs_stepped(self) -> None:
        """Refs that another writer found empty, because it could not see this one's steps, have a step."""
        was_emptied = await subject_repository.count_emptied(self.connection) != self.emptied_count
        if was_emptied or self.gaining_steps:
            self.count("stepped", len(await subject_repository.mark_has_steps(self.connection, self.touched_refs)))

    async def _apply_budgets(self, accepted: list[Accepted]) -> list[Accepted]:
        offers = [(offer, a) for a in accepted if (offer := extract_offer(a)) is not None]
        if offers:
            over_offers = await offer_budget.find_over_limit(
                self.connection, [offer for offer, _ in offers], self.limits
            )
            refused_ids = {id(a) for offer, a in offers if offer.handoff in over_offers}
            for a in (a for a in accepted if id(a) in refused_ids):
                self._park(a, "over-open-offers", offer_budget.DETAIL, "data.to")
            accepted = [a for a in accepted if id(a) not in refused_ids]
        if over_handoff_events := await handoff_budget.find_over_limit(
            self.connection, self.registry, accepted, self.limits
        ):
            for a in (a for a in accepted if id(a) in over_handoff_events):
                self._park(a, "over-handoff-events", handoff_budget.DETAIL, "data.handoff")
            accepted = [a for a in accepted if id(a) not in over_handoff_events]
        if over_record_events := await ref_budget.find_over_limit(
            self.connection, self.registry, accepted, self.limits
        ):
            for a in (a for a in accepted if id(a) in over_record_events):
                self._park(a, "over-handoff-events-of-record", ref_budget.DETAIL, "data.handoff")
            accepted = [a for a in accepted if id(a) not in over_record_events]
        over_link_budget = await self._links.admit(accepted)
        for a in accepted:
            if reason := over_link_budget.get(id(a)):
                self._park(a, f"over-{reason}", DETAILS[reason], "data")
        return [a for a in accepted if id(a) not in over_link_budget]

    def _epoch(self, p: Parked) -> int:
        return self.epochs[p.record.topic, p.record.partition]

    async def _filter_registered(self, accepted: list[Accepted]) -> list[Accepted]:
        named_orgs = {a.ref[0] for a in accepted}.union(*(named_organisations(a) for a in accepted if not a.is_step))
        uncached_orgs = named_orgs - self.registry.orgs
        if not uncached_orgs:
            return accepted
        self.registry_additions.orgs |= await organisation_repository.known_organisations(
            self.connection, uncached_orgs
        )
        unknown = uncached_orgs - self.registry_additions.orgs
        if self.register_unknown and unknown:
            await organisation_repository.add_organisations(self.connection, unknown)
            self.registry_additions.orgs |= unknown
            return accepted
        return [a for a in accepted if self._check_registered(a, unknown)]

    def _check_registered(self, accepted: Accepted, unknown: set[str]) -> bool:
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
        self.result.parked.append(Parked(accepted.record, reason, detail, field, accepted.ref[0]))

    async def _store(self, accepted: list[Accepted]) -> None:
        first: dict[tuple[str, str], Accepted] = {}
        for a in accepted:
            first.setdefault(a.identity, a)
        sources = await self._source_numbers(accepted)
        numbered_refs = await self._number_refs(first.values())
        numbers = numbered_refs.number_by_key
        rows: list[interactions.IdentityRow] = sorted(
            (sources[a.identity[0]], a.identity[1], a.digest, numbers[a.ref] if a.is_step else None, a.time)
            for a in first.values()
        )
        known_identities = await interactions.claim(self.connection, rows)
        new = [
            a
            for a in first.values()
            if not known_identities or (sources[a.identity[0]], a.identity[1]) not in known_identities
        ]
        if known_identities:
            numbered_refs = await subject_repository.revert_unneeded(
                self.connection, numbered_refs, _refs_with_step_flag(new)
            )
        self.count("subjects", len(numbered_refs.created))
        self.count("stepped", len(numbered_refs.created_with_step))
        self.gaining_steps |= numbered_refs.gaining_steps
        if len(new) < len(accepted):
            await self._settle_repeats(accepted, new, sources, known_identities)
        await self._insert(new, sources, numbers)

    async def _source_numbers(self, accepted: list[Accepted]) -> Mapping[str, int]:
        names = {a.identity[0] for a in accepted}
        names |= {target for a in accepted if not a.is_step and (target := target_source(a.payload))}
        if uncached_names := names - self.registry.sources.keys():
            self.registry_additions.sources = await organisation_repository.source_numbers(
                self.connection, uncached_names
            )
        return self.registry.sources | self.registry_additions.sources

    async def _type_numbers(self, accepted: list[Accepted]) -> Mapping[str, int]:
        if uncached_types := {a.type for a in accepted} - self.registry.types.keys():
            self.registry_additions.types = await organisation_repository.type_numbers(self.connection, uncached_types)
        return self.registry.types | self.registry_additions.types

    async def _kind_numbers(
        self, steps: list[Accepted], sources: Mapping[str, int], types: Mapping[str, int]
    ) -> Mapping[Kind, int]:
        kinds = {kind_of(a) for a in steps}
        if uncached_kinds := kinds - self.registry.kinds.keys():
            self.registry_additions.kinds = await kind_repository.kind_numbers(
                self.connection, uncached_kinds, sources, types
            )
            return self.registry.kinds | self.registry_additions.kinds
        return self.registry.kinds

    async def _settle_repeats(
        self,
        accepted: list[Accepted],
        new: list[Accepted],
        sources: Mapping[str, int],
        known_identities: Collection[interactions.Identity],
    ) -> None:
        """What is not new is a duplicate, or parked where it differs from what was stored first."""
        digests = {a.identity: a.digest for a in new}
        if known_identities:
            names = {number: name for name, number in sources.items()}
            known = await interactions.find_digests(self.connection, list(known_identities))
            digests |= {(names[source], id): digest for (source, id), digest in known.items()}
        new_ids = set(map(id, new))
        repeats = [a for a in accepted if id(a) not in new_ids]
        different_repeats = [a for a in repeats if a.digest != digests[a.identity]]
        self.result.duplicates += len(repeats) - len(different_repeats)
        if different_repeats:
            await self._compare(different_repeats, {a.identity: a.content for a in new})

    async def _compare(self, repeats: Sequence[Accepted], contents: dict[tuple[str, str], DigestedContent]) -> None:
        """The same event in another form is a duplicate; other content under its name is parked."""
        missing_identities = {a.identity for a in repeats} - contents.keys()
        if missing_identities:
            known = await dedup_repository.find_contents(self.connection, missing_identities)
            contents |= {identity: DigestedContent(*content) for identity, content in known.items()}
        for a in repeats:
            if is_same_content(a.content, contents[a.identity]):
                self.result.duplicates += 1
            else:
                self._park(a, "conflicting-duplicate", "the same source and id came with other content first", "id")

    async def _number_refs(self, accepted: Collection[Accepted]) -> subject_repository.RefNumbers:
        step_flags = _refs_with_step_flag(accepted)
        if not step_flags:
            return subject_repository.RefNumbers({}, set(), set(), set())
        self.emptied_count = await subject_repository.count_emptied(self.connection)
        return await subject_repository.get_or_create_refs(self.connection, step_flags)

    def count(self, name: str, n: int) -> None:
        """A total moves by so much once this is finished."""
        self.totals[name] = self.totals.get(name, 0) + n

    async def _insert(
        self, accepted: list[Accepted], sources: Mapping[str, int], numbers: Mapping[subject_repository.Key, int]
    ) -> None:
        types = await self._type_numbers(accepted)
        steps = [a for a in accepted if a.is_step]
        others = [a for a in accepted if not a.is_step]
        if steps:
            kinds = await self._kind_numbers(steps, sources, types)
            rows = [interaction_row(a, sources, types, kinds, numbers, self.batch) for a in steps]
            await interactions.insert(self.connection, rows)
            self.touched_refs |= {row.ref for row in rows}
            self.touched_handoffs |= {
                a.columns.handoff
                for a in steps
                if a.columns.handoff is not None and a.type.startswith(_HANDOFF_TYPE_PREFIX)
            }
            self.stored_identities += [(row.source, row.id) for row in rows]
        if others:
            self.consent_refs |= {a.ref for a in others if a.type in CONSENT_TYPES}
            evidence = [evidence_row(a, sources, types) for a in others]
            await interactions.insert_evidence(self.connection, self.batch, evidence)
            rights = Rights(
                self.register_unknown,
                await organisation_repository.linkers(self.connection, {a.ref[0] for a in others}),
            )
            self.link_evidence += link_rows(others, sources, numbers, rights)
            await self._links.write(others, numbers)
            amendments = list(amendment_rows(others, sources))
            await amendment_repository.insert_amendments(self.connection, amendments)
            self.amendment_identities += [(row.source, row.id) for row in amendments]
        self.handoff_input_rows += handoff_inputs(accepted, sources)
        self.result.accepted, self.result.evidence = len(steps), len(others)
        self.count("interactions", len(steps))


def _refs_with_step_flag(accepted: Iterable[Accepted]) -> dict[subject_repository.Key, bool]:
    """The refs that these need, and whether a step stands under each."""
    accepted = list(accepted)
    named_keys = (key for a in accepted if not a.is_step for key in named_refs(a.payload))
    return dict.fromkeys(named_keys, False) | {a.ref: True for a in accepted if a.is_step}


def _position(p: Parked) -> tuple[str, int, int]:
    return p.record.topic, p.record.partition, p.record.offset
