"""The one writer of membership: sees new evidence and moves refs between pathways, never events."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from uuid import UUID

import asyncpg

from pathline_gateway.background import POLL_S, Loop
from pathline_gateway.identity.binding import LIMITS, Bound, Limits, bind, pathways
from pathline_gateway.identity.evidence import Evidence, Standing
from pathline_gateway.identity.neighbourhood import Neighbourhood, Stored
from pathline_gateway.identity.redeemed import rederive
from pathline_gateway.store import changes, handoff_links, interactions, links
from pathline_gateway.store.links import ReviewRow

_BATCH = 200
"""Evidence bound in one transaction: short, so that a pull never waits."""


class MembershipWriter:
    """Binds what intake stored. Only one in all processes writes at a time."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be new evidence."""
        self._wake.set()

    @property
    def loop(self) -> Loop:
        """Binds evidence as it comes."""
        return Loop("membership", self.bind_some, POLL_S, self._wake)

    async def bind_some(self) -> int:
        """How much evidence was seen and bound, in one transaction."""
        async with self._pool.acquire() as connection, connection.transaction():
            await links.lock(connection)
            handed = await handoff_links.unseen(connection, _BATCH)
            said = await links.unseen(connection, _BATCH)
            touched = {row[name] for row in said for name in _TOUCHED} - {None}
            if handed:
                touched |= await rederive(connection, handed)
                await handoff_links.advance(connection, handed[-1]["seq"])
            if said:
                await links.advance(connection, said[-1]["seq"])
            if touched:
                await _rebind(connection, touched)
            if said:
                await changes.lock(connection)
                found = {"links": sum(row["kind"] == "same" for row in said)}
                await changes.append(connection, (), 0, "membership", found)
            return len(said) + len(handed)


_TOUCHED = ("a", "b", "target_a", "target_b", "shown_a", "shown_b")


async def rebound(
    near: Neighbourhood, touched: Collection[int], limits: Limits = LIMITS
) -> tuple[dict[int, UUID | None], Bound]:
    """The pathways of everyone connected with these refs (None: its own), and how they were bound."""
    reach = await near.reach(touched)
    refs = await near.refs(reach)
    evidence = await near.evidence(reach)
    orgs = {number: ref.org for number, ref in refs.items()}
    bound = bind(orgs, [e for e in evidence if e.a in refs and e.b in refs], limits)
    # What was proposed reaches nobody. It waits, unless others have joined the two: then both are here.
    beyond = {e for e in evidence if e.standing is Standing.PROPOSED and (e.a in refs) != (e.b in refs)}
    bound = replace(bound, waiting={**bound.waiting, **dict.fromkeys(beyond, "proposed")})
    return pathways(bound.people, refs), bound


def waiting(bound: Bound, sources: Mapping[Evidence, int]) -> set[ReviewRow]:
    """What a person has to look at; `sources` are the numbers of the evidence's sources."""
    why = {**bound.waiting, **dict.fromkeys(bound.bridges, "bridge")}
    return {ReviewRow(sources[e], e.id, e.a, e.b, reason) for e, reason in why.items()}


async def _rebind(connection: asyncpg.Connection, touched: Collection[int]) -> None:
    """The pathways of everyone connected with these refs are what the evidence seen says."""
    near = Stored(connection, await links.seen(connection))
    bound, how = await rebound(near, touched)
    waits = waiting(how, near.sources)
    now = await links.open_memberships(connection, bound)
    moved = {ref: pathway for ref, pathway in bound.items() if now.get(ref) != pathway}
    if moved:
        await links.move(connection, moved)
        await changes.lock(connection)
        await changes.append(connection, moved, await interactions.new_batch(connection), "membership", {})
    before = await links.review_items(connection, bound)
    await links.review(connection, before - waits, waits - before)
