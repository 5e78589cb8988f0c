"""Says so when a hand-off is silent, and when that is over: to the subscriptions of both organisations, once each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from pathline_gateway.handoff.projection import bring_up_to_date
from pathline_gateway.handoff.silence import Notice, answers, silences
from pathline_gateway.handoff.tide import Tide
from pathline_gateway.intake.progress import Progress
from pathline_gateway.metric_series import registered
from pathline_gateway.store import handoff_notices as store
from pathline_gateway.store import handoff_records, register
from pathline_gateway.telemetry import HANDOFFS

_log = logging.getLogger(__name__)

_DOOR: Final = "pathline.in.door-"
_OWN: Final = "pathline.in."
_EVERY_S: Final = 1.0
_SOON_S: Final = 0.05

Give = Callable[[asyncpg.Connection, Sequence[tuple[Notice, str]]], Awaitable[Mapping[UUID, int] | None]]
"""Gives notices (and the id of each) to the subscriptions that want them and may know, in the transaction at hand.

None: what the notices are about was not handed out yet, and must come before them.
"""


class NotYet(Exception):
    """What is to be said has to wait for what came before it."""


@dataclass
class Watchdog:
    """Runs in every gateway; Postgres sees to it that each thing is said once."""

    pool: asyncpg.Pool
    clock: Callable[[], datetime]
    secret: bytes
    progress: Progress
    looked: Callable[[], Awaitable[float | None]]
    """Learns ends and positions: how many seconds ago the broker said where the log ends; None when it does not say."""
    give: Give
    given: Callable[[Mapping[UUID, int]], None]
    """Told of the last number of each subscription that was given something, once that is committed."""
    grace: timedelta
    tide: Tide = field(default_factory=Tide)

    async def run(self) -> None:
        """Looks every second, until cancelled."""
        while True:
            try:
                while await self.look():
                    pass
            except NotYet:
                await asyncio.sleep(_SOON_S)
                continue
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
                _log.warning("hand-offs: silence was not looked for, and is again: %s", type(failed).__name__)
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> bool:
        """Whether anything was said. What was published before the look is known to it, or nothing is said of it.

        Raises NotYet.
        """
        now = self.clock()
        if (age := await self.looked()) is not None:
            self.tide.looked(now - timedelta(seconds=age), dict(self.progress.ends), self.progress.lag())
        while await bring_up_to_date(self.pool):
            pass
        async with self.pool.acquire() as connection, connection.transaction():
            await handoff_records.lock(connection)
            said = [*await self._silences(connection), *await self._answers(connection)]
            if not said:
                return False
            ids = [notice.id(self.secret) for notice in said]
            await store.raise_them(connection, said, ids, now)
            given = await self.give(connection, list(zip(said, ids, strict=True)))
            if given is None:
                raise NotYet
            counted = await store.open_ones(connection, [notice.handoff for notice in said])
            known = await register.known_organisations(
                connection, {n.sender for n in said} | {n.receiver for n in said}
            )
        for notice in said:
            if notice.kind == "silent" and notice.handoff in counted:
                pair = {"pathline.from": notice.sender, "pathline.to": notice.receiver}
                HANDOFFS.add(1, registered({**pair, "pathline.outcome": "silent"}, known))
        self.given(given)
        return True

    async def _silences(self, connection: asyncpg.Connection) -> list[Notice]:
        shared = [until for topic, until in self.tide.known.items() if topic.startswith(_DOOR)]
        if not shared:
            return []
        own = {t.removeprefix(_OWN): until for t, until in self.tide.known.items() if not t.startswith(_DOOR)}
        found = await store.to_be_said(connection, min(shared), own, self.grace)
        before: dict[str, list[Notice]] = {}
        for notice in await store.spoken_of(connection, [record.handoff for record, _ in found]):
            before.setdefault(notice.handoff, []).append(notice)
        return [
            notice
            for record, until in found
            for notice in silences(
                record, {(n.stage, n.due) for n in before.get(record.handoff, ())}, until, self.grace
            )
        ]

    async def _answers(self, connection: asyncpg.Connection) -> list[Notice]:
        return [over for notice, record in await store.over(connection) for over in answers(record, [notice])]
