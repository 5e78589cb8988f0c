"""The one writer of membership: sees new evidence and moves refs between pathways, never events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import asyncpg

from pathline_gateway.identity.binding import Bound, Ref, bind, pathways
from pathline_gateway.identity.evidence import Evidence, Standing
from pathline_gateway.identity.redeemed import rederive
from pathline_gateway.store import changes, handoff_links, interactions, links
from pathline_gateway.store.links import ReviewRow

_log = logging.getLogger(__name__)

_BATCH = 200
"""Evidence bound in one transaction: short, so that a pull never waits."""
_POLL_S = 0.25
"""How long evidence from another process may wait unseen."""


class MembershipWriter:
    """Binds what intake stored. Only one in all processes writes at a time."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be new evidence."""
        self._wake.set()

    async def run(self) -> None:
        """Binds evidence as it comes, until cancelled."""
        while True:
            try:
                while await self.bind_some():
                    pass
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
                _log.warning("membership: not written and tried again: %s", type(failed).__name__)
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), _POLL_S)
            except TimeoutError:
                continue

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
    connection: asyncpg.Connection, touched: Collection[int], until: int
) -> tuple[dict[int, UUID | None], set[ReviewRow]]:
    """The pathways of everyone connected with these refs, as the evidence up to this `seq` says (None: its own), and
    what of that evidence waits for a person."""
    reach = await links.neighbourhood(connection, touched)
    refs = {row["id"]: Ref(*row.values()) for row in await links.refs(connection, reach)}
    rows = [r for r in await links.evidence_of(connection, reach, until) if r["a"] in refs and r["b"] in refs]
    evidence = {evidence_of(row): row["source"] for row in rows}
    bound = bind(refs, evidence)
    return pathways(bound.people, refs), waiting(bound, evidence)


def waiting(bound: Bound, sources: Mapping[Evidence, int]) -> set[ReviewRow]:
    """What a person has to look at; `sources` are the numbers of the evidence's sources."""
    why = {**bound.waiting, **dict.fromkeys(bound.bridges, "bridge")}
    return {ReviewRow(sources[e], e.id, e.a, e.b, reason) for e, reason in why.items()}


def evidence_of(row: Mapping[str, Any]) -> Evidence:
    """A row of evidence, with its source's name."""
    same, standing = row["kind"] == "same", Standing(row["standing"])
    return Evidence(
        row["source_name"], row["id"], same, row["a"], row["b"], standing, row["confidence"], row["asserted_at"]
    )


async def _rebind(connection: asyncpg.Connection, touched: Collection[int]) -> None:
    """The pathways of everyone connected with these refs are what the evidence seen says."""
    bound, waits = await rebound(connection, touched, await links.seen(connection))
    now = await links.open_memberships(connection, bound)
    moved = {ref: pathway for ref, pathway in bound.items() if now.get(ref) != pathway}
    if moved:
        await links.move(connection, moved)
        await changes.lock(connection)
        await changes.append(connection, moved, await interactions.new_batch(connection), "membership", {})
    before = await links.review_items(connection, bound)
    await links.review(connection, before - waits, waits - before)
