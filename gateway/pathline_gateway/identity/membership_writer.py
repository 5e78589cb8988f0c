"""The one writer of membership: sees new evidence and moves refs between pathways, never events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.background.isolation import at_fault, in_parts, still_well
from pathline_gateway.background.loop import POLL_S, Loop
from pathline_gateway.handoffs import event_repository
from pathline_gateway.identity import membership_repository, unseen_evidence_repository
from pathline_gateway.identity.connected_component import ConnectedComponent, StoredComponent
from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.identity.handoff_link_derivation import rederive
from pathline_gateway.identity.membership_repository import ReviewRow
from pathline_gateway.identity.resolution import LIMITS, Resolution, ResolutionLimits, pathways_of, resolve_people
from pathline_gateway.postgres import change_log
from pathline_gateway.set_aside import repository as set_aside

WORK: Final = "membership"
_BATCH = 200
"""Evidence chosen for one transaction: short, so that a pull never waits."""
_REFS = 4_096
"""Refs that are bound in one transaction, where no group has more."""


class MembershipWriter:
    """Binds what intake stored. Only one in all processes writes at a time."""

    def __init__(self, pool: asyncpg.Pool, on_bound: Callable[[], None] = lambda: None) -> None:
        """`on_bound` is called whenever evidence was seen, once that is committed."""
        self._pool, self._on_bound = pool, on_bound
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be new evidence."""
        self._wake.set()

    @property
    def loop(self) -> Loop:
        """Binds evidence as it comes."""
        return Loop(WORK, self.bind_some, POLL_S, self._wake)

    async def bind_some(self) -> int:
        """How much evidence was seen and bound, in one transaction; what cannot be bound is set aside.

        Membership is a function of all evidence that was seen. So whatever belongs to the same people is set aside,
        too, and their pathways are closed: who may see them is not known.
        """
        seen = await self._bind_some()
        if seen:
            self._on_bound()
        return seen

    async def _bind_some(self) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            await membership_repository.lock(connection)
            handed = await event_repository.unseen(connection, _BATCH)
            said = await unseen_evidence_repository.take(connection, _BATCH, _REFS)
            if handed:
                await event_repository.advance(connection, handed[-1]["seq"])
            new = [_Input("shown", row) for row in handed] + [_Input("said", row) for row in said]
            again = await _again(connection)
            await _bound(connection, new, again)
            if said:
                await change_log.lock(connection)
                found = {"links": sum(row["kind"] == "same" for row in said)}
                await change_log.append(connection, (), 0, "membership", found)
            return len(new) + len(again)


class _Input(NamedTuple):
    """Something that the writer has to look at."""

    kind: Literal["said", "shown"]
    row: asyncpg.Record

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.row['seq']}"


async def _again(connection: asyncpg.Connection) -> list[_Input]:
    """What was set aside and is to be looked at again."""
    found: dict[str, list[int]] = {"said": [], "shown": []}
    for key in await set_aside.due(connection, WORK):
        kind, _, seq = key.partition(":")
        found[kind].append(int(seq))
    shown = [_Input("shown", row) for row in await event_repository.these(connection, found["shown"])]
    return shown + [_Input("said", row) for row in await membership_repository.these(connection, found["said"])]


async def _bound(connection: asyncpg.Connection, new: Sequence[_Input], again: Sequence[_Input]) -> None:
    async def fold(some: Sequence[_Input]) -> None:
        await _looked_at(connection, some)

    async def is_well() -> bool | None:
        before = [_Input("said", row) for row in await membership_repository.well_before(connection, WORK)]
        return await still_well(connection, [each for each in before if each not in new], fold)

    failed = await at_fault(connection, new, fold, is_well)
    for each in again:
        failed |= await in_parts(connection, [each], fold)
    await set_aside.release(connection, WORK, (each.key for each in again if each not in failed))
    refs = {each.key: await _refs(connection, each) for each in failed}
    await set_aside.put(connection, WORK, "evidence", {each.key: why for each, why in failed.items()}, refs)


async def _looked_at(connection: asyncpg.Connection, some: Sequence[_Input]) -> None:
    touched = {each.row[name] for each in some if each.kind == "said" for name in membership_repository.TOUCHED} - {
        None
    }
    if shown := [each.row for each in some if each.kind == "shown"]:
        touched |= await rederive(connection, shown)
    if touched:
        await _rebind(connection, touched)


async def _refs(connection: asyncpg.Connection, each: _Input) -> Collection[int]:
    """Whose pathways are not known while this is set aside."""
    if each.kind == "shown":
        return await event_repository.refs_of(connection, each.row)
    return {each.row[name] for name in membership_repository.TOUCHED} - {None}


async def rebound(
    near: ConnectedComponent, touched: Collection[int], limits: ResolutionLimits = LIMITS
) -> tuple[dict[int, UUID | None], Resolution]:
    """The pathways of everyone connected with these refs (None: its own), and how they were bound."""
    reach = await near.reach(touched)
    refs = await near.refs(reach)
    evidence = await near.evidence(reach)
    orgs = {number: ref.org for number, ref in refs.items()}
    bound = resolve_people(orgs, [e for e in evidence if e.a in refs and e.b in refs], limits)
    # What was proposed reaches nobody. It waits, unless others have joined the two: then both are here.
    beyond = {e for e in evidence if e.standing is EvidenceRank.PROPOSED and (e.a in refs) != (e.b in refs)}
    bound = replace(bound, waiting={**bound.waiting, **dict.fromkeys(beyond, "proposed")})
    return pathways_of(bound.people, refs), bound


def waiting(bound: Resolution, sources: Mapping[Evidence, int]) -> set[ReviewRow]:
    """What a person has to look at; `sources` are the numbers of the evidence's sources."""
    why = {**bound.waiting, **dict.fromkeys(bound.bridges, "bridge")}
    return {ReviewRow(sources[e], e.id, e.a, e.b, reason) for e, reason in why.items()}


async def _rebind(connection: asyncpg.Connection, touched: Collection[int]) -> None:
    """The pathways of everyone connected with these refs are what the evidence seen says."""
    near = StoredComponent(connection)
    bound, how = await rebound(near, touched)
    waits = waiting(how, near.sources)
    now = await membership_repository.open_memberships(connection, bound)
    moved = {ref: pathway for ref, pathway in bound.items() if now.get(ref) != pathway}
    if moved:
        await membership_repository.move(connection, moved)
        await change_log.lock(connection)
        await change_log.append(connection, moved, await change_log.new_batch(connection), "membership", {})
    before = await membership_repository.review_items(connection, bound)
    await membership_repository.review(connection, before - waits, waits - before)
