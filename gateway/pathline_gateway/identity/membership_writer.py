"""The one writer of membership: sees new evidence and moves refs between pathways, never events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.background.leadership import Confirm, confirmed
from pathline_gateway.background.supervisor import POLL_S, Loop
from pathline_gateway.handoffs import event_repository
from pathline_gateway.identity import membership_repository, unseen_evidence_repository, unseen_handoff_input_repository
from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.identity.evidence_reader import EvidenceReader, StoredEvidenceReader
from pathline_gateway.identity.handoff_link_derivation import refresh_handoff_links
from pathline_gateway.identity.membership_repository import ReviewRow
from pathline_gateway.identity.resolution import LIMITS, Resolution, ResolutionLimits, pathways_of, resolve_people
from pathline_gateway.pathways import revision_repository
from pathline_gateway.postgres import change_log
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.set_aside.bisection import any_foldable, fold_or_fail_work, fold_with_bisection

WORK: Final = "membership"
_BATCH_SIZE = 200
"""Evidence chosen for one transaction: short, so that a pull never waits."""
_MAX_REFS = 4_096
"""Refs that are bound in one transaction, where no group has more."""


class MembershipWriter:
    """Binds what intake stored. Only one in all processes writes at a time."""

    def __init__(
        self, pool: asyncpg.Pool, on_bound: Callable[[], None] = lambda: None, confirm: Confirm = confirmed
    ) -> None:
        """`on_bound` is called after each commit of new evidence; `confirm`: whether no other process leads this."""
        self._pool, self._on_bound, self._confirm = pool, on_bound, confirm
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be new evidence."""
        self._wake.set()

    @property
    def loop(self) -> Loop:
        """Binds evidence as it comes."""
        return Loop(WORK, self.bind_batch, POLL_S, self._wake)

    async def bind_batch(self) -> int:
        """How much evidence it has bound, in one transaction; it sets aside what cannot be bound.

        Membership is a function of all evidence that was seen. So all evidence of the same people is set aside, too.
        Their pathways close: who may see them is not known.
        """
        evidence_count = await self._bind_batch()
        if evidence_count:
            self._on_bound()
        return evidence_count

    async def _bind_batch(self) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            await membership_repository.lock(connection)
            if not await self._confirm(connection):
                return 0
            handoff_inputs = await unseen_handoff_input_repository.take_batch(connection, _BATCH_SIZE, _MAX_REFS)
            link_evidence = await unseen_evidence_repository.take_batch(connection, _BATCH_SIZE, _MAX_REFS)
            new_inputs = [_Input("shown", row) for row in handoff_inputs] + [
                _Input("said", row) for row in link_evidence
            ]
            retries = await _due_retries(connection)
            await _bind_or_set_aside(connection, new_inputs, retries)
            if link_evidence:
                await change_log.lock(connection)
                counters = {"links": sum(row["kind"] == "same" for row in link_evidence)}
                await change_log.append(connection, (), 0, "membership", counters)
            return len(new_inputs) + len(retries)


class _Input(NamedTuple):
    """Something that the writer has to look at."""

    kind: Literal["said", "shown"]
    row: asyncpg.Record

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.row['seq']}"


async def _due_retries(connection: asyncpg.Connection) -> list[_Input]:
    """What was set aside and is to be looked at again."""
    seqs_by_kind: dict[str, list[int]] = {"said": [], "shown": []}
    for key in await set_aside.due(connection, WORK):
        kind, _, seq = key.partition(":")
        seqs_by_kind[kind].append(int(seq))
    handoff_inputs = [
        _Input("shown", row) for row in await event_repository.load_inputs(connection, seqs_by_kind["shown"])
    ]
    return handoff_inputs + [
        _Input("said", row) for row in await membership_repository.load_evidence(connection, seqs_by_kind["said"])
    ]


async def _bind_or_set_aside(
    connection: asyncpg.Connection, new_inputs: Sequence[_Input], retries: Sequence[_Input]
) -> None:
    async def apply(inputs: Sequence[_Input]) -> None:
        await _bind_inputs(connection, inputs)

    async def is_healthy() -> bool | None:
        known_good = [_Input("said", row) for row in await membership_repository.sample_seen_links(connection, WORK)]
        return await any_foldable(
            connection, [failed_input for failed_input in known_good if failed_input not in new_inputs], apply
        )

    failed = await fold_or_fail_work(connection, new_inputs, apply, is_healthy)
    for failed_input in retries:
        failed |= await fold_with_bisection(connection, [failed_input], apply)
    await set_aside.release(
        connection, WORK, (failed_input.key for failed_input in retries if failed_input not in failed)
    )
    refs = {failed_input.key: await _affected_refs(connection, failed_input) for failed_input in failed}
    await set_aside.put(
        connection, WORK, "evidence", {failed_input.key: why for failed_input, why in failed.items()}, refs
    )


async def _bind_inputs(connection: asyncpg.Connection, inputs: Sequence[_Input]) -> None:
    touched_refs = {
        each.row[name] for each in inputs if each.kind == "said" for name in membership_repository.REF_COLUMNS
    } - {None}
    if handoff_rows := [each.row for each in inputs if each.kind == "shown"]:
        touched_refs |= await refresh_handoff_links(connection, handoff_rows)
    if touched_refs:
        await _update_memberships(connection, touched_refs)


async def _affected_refs(connection: asyncpg.Connection, evidence_input: _Input) -> Collection[int]:
    """Whose pathways are not known while this is set aside."""
    if evidence_input.kind == "shown":
        return await event_repository.affected_refs(connection, [evidence_input.row])
    return {evidence_input.row[name] for name in membership_repository.REF_COLUMNS} - {None}


async def compute_pathways(
    reader: EvidenceReader, touched_refs: Collection[int], limits: ResolutionLimits = LIMITS
) -> tuple[dict[int, UUID | None], Resolution]:
    """The pathways of everyone connected with these refs (None: its own), and how they were bound."""
    connected_refs = await reader.connected_refs(touched_refs)
    refs = await reader.load_refs(connected_refs)
    evidence = await reader.load_evidence(connected_refs)
    orgs = {number: ref.org for number, ref in refs.items()}
    resolution = resolve_people(orgs, [e for e in evidence if e.a in refs and e.b in refs], limits)
    # What was proposed reaches nobody. It waits, unless others have joined the two: then both are here.
    outside_proposals = {e for e in evidence if e.rank is EvidenceRank.PROPOSED and (e.a in refs) != (e.b in refs)}
    resolution = replace(resolution, waiting={**resolution.waiting, **dict.fromkeys(outside_proposals, "proposed")})
    return pathways_of(resolution.people, refs), resolution


def review_rows(resolution: Resolution, sources: Mapping[Evidence, int]) -> set[ReviewRow]:
    """What a person has to look at; `sources` are the numbers of the evidence's sources."""
    reasons = {**resolution.waiting, **dict.fromkeys(resolution.bridges, "bridge")}
    return {ReviewRow(sources[e], e.id, e.a, e.b, reason) for e, reason in reasons.items()}


async def _update_memberships(connection: asyncpg.Connection, touched_refs: Collection[int]) -> None:
    """The pathways of everyone connected with these refs are what the evidence seen says."""
    reader = StoredEvidenceReader(connection)
    pathway_by_ref, resolution = await compute_pathways(reader, touched_refs)
    waiting_rows = review_rows(resolution, reader.source_numbers)
    current = await membership_repository.open_memberships(connection, pathway_by_ref)
    moved = {ref: pathway for ref, pathway in pathway_by_ref.items() if current.get(ref) != pathway}
    if moved:
        await membership_repository.move_refs(connection, moved)
        await change_log.lock(connection)
        await change_log.append(connection, moved, await change_log.new_batch(connection), "membership", {})
        # Whether a person is heard of a hand-off depends on where her account stands.
        await revision_repository.move(connection, moved, await revision_repository.handoffs_of(connection, moved))
    items_before = await membership_repository.review_items(connection, pathway_by_ref)
    await membership_repository.update_review_items(
        connection, items_before - waiting_rows, waiting_rows - items_before
    )
