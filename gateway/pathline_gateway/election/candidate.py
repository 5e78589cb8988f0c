"""This process among those of the deployment: it says that it lives, and leads its share of the works.

A process that is killed or stopped is not heard of any more; then others end its connections and lead its works. One
that wakes up again has no connection, and finds in each transaction that it no longer leads. Locks in Postgres see to
it that two never do the same work; leases only choose who tries.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import asyncpg

from pathline_gateway.background.supervisor import Loop
from pathline_gateway.election import repository as election_repository
from pathline_gateway.election.heartbeat import Heartbeat
from pathline_gateway.log_cause import because
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS, PoolUse, session_name

_log = logging.getLogger(__name__)

WORK: Final = "election"
POOL: Final = PoolUse("election", 1, 2, 2)
"""A connection of its own: whatever else goes on, a process that lives can say so."""
_INTERVAL_S: Final = 0.5
LIFETIME_S: Final = 3.5
"""How long a process that is not heard of is taken to be alive."""
LIFETIME: Final = timedelta(seconds=LIFETIME_S)


class Candidate:
    """One process; see `Leadership`."""

    def __init__(self, pool: asyncpg.Pool, shared_works: Sequence[Sequence[str]] = ()) -> None:
        """`pool`: of `POOL`. `shared_works`: of each group of works every candidate leads an even share. None: this
        process leads nothing, and only says that it lives."""
        self._pool, self._shared_works = pool, shared_works
        self._process: int | None = None
        self._led: frozenset[str] = frozenset()
        self._valid_until = 0.0
        self.heartbeat: Heartbeat | None = None
        """What says that it lives while its event loop is busy."""
        self.candidate_count = 1
        """How many processes can lead works; as of the last look."""

    def led(self, works: Sequence[str]) -> Sequence[str]:
        """See `Leadership.led`. Nothing, once others may have taken this process for dead."""
        return [work for work in works if work in self._led] if self._is_valid() else []

    async def confirm(self, connection: asyncpg.Connection, works: Sequence[str]) -> bool:
        """See `Leadership.confirm`."""
        return self._process is not None and await election_repository.leads(connection, self._process, works)

    def _is_valid(self) -> bool:
        beaten_until = 0.0 if self.heartbeat is None else self.heartbeat.valid_until
        return time.monotonic() < max(self._valid_until, beaten_until)

    @property
    def process(self) -> int | None:
        """Its number, once it has one."""
        return self._process

    @property
    def loop(self) -> Loop:
        """Says that this process lives, and takes what nobody leads; when it ends, others may lead at once."""
        return Loop(WORK, self.take_part, _INTERVAL_S, on_stop=self._leave)

    async def take_part(self) -> None:
        """It is known to live, the dead are buried, and it leads its share."""
        async with self._pool.acquire() as connection:
            began = time.monotonic()
            was_valid = self._is_valid()
            was_alive = self._process is not None and await election_repository.renew(
                connection, self._process, LIFETIME
            )
            if not was_alive:
                await self._register(connection)
            # Whoever was away itself knows nothing of others: they are as it was, and say so first.
            if was_alive and was_valid:
                await self._bury_dead(connection)
            await self._take_share(connection)
            self._valid_until = began + LIFETIME_S

    async def _register(self, connection: asyncpg.Connection) -> None:
        if self._process is not None:
            _log.warning(
                "this process was taken for dead, and begins anew: it was stopped, or the machine is too busy",
                extra=because("taken-for-dead"),
            )
        self._led = frozenset()
        self._process = await election_repository.register(
            connection, session_name(), LIFETIME, candidate=bool(self._shared_works)
        )
        await election_repository.add_works(connection, [work for group in self._shared_works for work in group])

    async def _bury_dead(self, connection: asyncpg.Connection) -> None:
        assert self._process is not None
        dead, ended = await election_repository.bury_dead(connection, self._process)
        if dead:
            _log.warning(
                "%d processes were not heard of for %.1f s: others lead their works; %d connections of theirs ended",
                dead,
                LIFETIME_S,
                ended,
                extra=because("process-gone"),
            )

    async def _take_share(self, connection: asyncpg.Connection) -> None:
        assert self._process is not None
        self.candidate_count = max(1, await election_repository.count_candidates(connection))
        led = set(await election_repository.led_works(connection, self._process))
        for group in self._shared_works:
            share = -(-len(group) // self.candidate_count)
            mine = [work for work in group if work in led]
            if surplus := mine[share:]:
                # First here: no turn begins that another process could begin, too.
                self._led -= set(surplus)
                led -= set(surplus)
                await election_repository.give_up(connection, self._process, surplus)
            elif len(mine) < share:
                led |= set(await election_repository.take(connection, self._process, group, share - len(mine)))
        self._led = frozenset(led)

    async def _leave(self) -> None:
        self._led = frozenset()
        if self._process is None:
            return
        try:
            async with self._pool.acquire(timeout=1) as connection:
                await election_repository.leave(connection, self._process)
        except UNAVAILABLE_ERRORS as error:
            _log.info("others lead its works once it is not heard of: %s", type(error).__name__, extra=because(error))
