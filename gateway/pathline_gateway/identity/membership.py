"""The one writer of membership: sees new link evidence and moves refs between pathways, never events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from uuid import UUID

import asyncpg

from pathline_gateway.identity.links import Link, Ref, components, pathways
from pathline_gateway.store import changes, interactions, links

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
        self.pending = 0

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
            unseen = await links.unseen(connection, _BATCH)
            if unseen:
                touched = {row[name] for row in unseen for name in ("a", "b", "target_a", "target_b")} - {None}
                await _rebind(connection, touched, unseen[-1]["seq"])
                await links.advance(connection, unseen[-1]["seq"])
                await changes.lock(connection)
                await changes.append(
                    connection, (), 0, "membership", {"links": sum(r["kind"] == "same" for r in unseen)}
                )
            return len(unseen)


async def rebound(connection: asyncpg.Connection, touched: Collection[int], until: int) -> dict[int, UUID | None]:
    """The pathways of everyone connected with these refs, as the evidence up to this `seq` says; None: its own."""
    reach = await links.neighbourhood(connection, touched)
    refs = {row["id"]: Ref(*row.values()) for row in await links.refs(connection, reach)}
    evidence = [
        Link(r["source_name"], r["id"], r["kind"] == "same", r["a"], r["b"], r["confidence"], r["asserted_at"])
        for r in await links.evidence_of(connection, reach, until)
        if not r["retracted"] and r["a"] in refs and r["b"] in refs
    ]
    return pathways(components(refs, evidence), refs)


async def _rebind(connection: asyncpg.Connection, touched: set[int], until: int) -> None:
    """The pathways of everyone connected with these refs are what the evidence up to this `seq` says."""
    bound = await rebound(connection, touched, until)
    now = await links.open_memberships(connection, bound)
    moved = {ref: pathway for ref, pathway in bound.items() if now.get(ref) != pathway}
    if moved:
        await links.move(connection, moved)
        await changes.lock(connection)
        await changes.append(connection, moved, await interactions.new_batch(connection), "membership", {})
