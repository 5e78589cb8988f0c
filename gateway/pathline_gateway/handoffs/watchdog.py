"""Sends notices when a hand-off falls silent and when that is over, once each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import Postponed
from pathline_gateway.background.isolation import at_fault, still_well
from pathline_gateway.background.loop import Loop
from pathline_gateway.handoffs import notice_repository
from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs.deadlines import Stage
from pathline_gateway.handoffs.open_stages import EVERYTHING
from pathline_gateway.handoffs.projection import bring_up_to_date
from pathline_gateway.handoffs.silence import SilenceNotice, answers, silences
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.kafka.watermark import TopicWatermarks
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.telemetry.instruments import HANDOFFS
from pathline_gateway.telemetry.series_bound import registered

WORK: Final = "silence"
_DOOR: Final = "pathline.in.door-"
_OWN: Final = "pathline.in."
_EVERY_S: Final = 1.0
_SOON_S: Final = 0.05

Give = Callable[[asyncpg.Connection, Sequence[tuple[SilenceNotice, str]]], Awaitable[Mapping[UUID, int] | None]]
"""Gives notices (and the id of each) to the subscriptions that want them and may know, in the transaction at hand.

None: what the notices are about was not handed out yet, and must come before them.
"""


class NotYet(Postponed):
    """What is to be said has to wait for what came before it."""


class _Open(NamedTuple):
    """A hand-off of which something may have to be said: of its silence until now, or of the end of this one."""

    handoff: str
    audience: str
    until: datetime | None
    over: SilenceNotice | None


@dataclass
class _Said:
    """What a look came to."""

    notices: list[SilenceNotice] = field(default_factory=list)
    given: dict[UUID, int] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)


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
    tide: TopicWatermarks = field(default_factory=TopicWatermarks)

    @property
    def loop(self) -> Loop:
        """Looks every second."""
        return Loop(WORK, self._turn, _EVERY_S)

    async def _turn(self) -> bool:
        try:
            return await self.look()
        except NotYet:
            await asyncio.sleep(_SOON_S)
            return True

    async def look(self) -> bool:
        """Whether anything was said. What was published before the look is known to it, or nothing is said of it.

        Of a hand-off that cannot be computed nothing is said: it is set aside. Raises NotYet.
        """
        now = self.clock()
        if (age := await self.looked()) is not None:
            self.tide.looked(now - timedelta(seconds=age), dict(self.progress.ends), self.progress.lag())
        while await bring_up_to_date(self.pool):
            pass
        async with self.pool.acquire() as connection, connection.transaction():
            await handoff_repository.lock(connection)
            said = await self._spoken(connection, now)
            named = {org for notice in said.notices for org in (notice.sender, notice.receiver)}
            known = await organisation_repository.known_organisations(connection, named) if named else set()
        for notice in said.notices:
            if notice.kind == "silent" and notice.audience == EVERYTHING and notice.handoff in said.counted:
                pair = {"pathline.from": notice.sender, "pathline.to": notice.receiver}
                HANDOFFS.add(1, registered({**pair, "pathline.outcome": "silent"}, known))
        self.given(said.given)
        return bool(said.notices)

    async def _spoken(self, connection: asyncpg.Connection, now: datetime) -> _Said:
        found, said = await self._open(connection), _Said()

        async def fold(some: Sequence[str]) -> None:
            await self._speak(connection, now, [each for handoff in some for each in found[handoff]], said)

        async def tried(some: Sequence[str]) -> None:
            await self._notices(connection, [_Open(handoff, EVERYTHING, now, None) for handoff in some])

        async def is_well() -> bool | None:
            return await still_well(connection, await handoff_repository.well_before(connection, WORK), tried)

        before = await set_aside.among(connection, WORK, found)
        failed = await at_fault(connection, sorted(found), fold, is_well)
        await set_aside.release(connection, WORK, before - failed.keys())
        await set_aside.put(connection, WORK, "hand-off", failed)
        return said

    async def _open(self, connection: asyncpg.Connection) -> dict[str, list[_Open]]:
        """By hand-off, what may have to be said."""
        closed = await set_aside.closed_refs(connection, or_held=True)
        found: dict[str, list[_Open]] = {}
        shared = [until for topic, until in self.tide.known.items() if topic.startswith(_DOOR)]
        if shared:
            own = {t.removeprefix(_OWN): until for t, until in self.tide.known.items() if not t.startswith(_DOOR)}
            for each in await notice_repository.to_be_said(connection, min(shared), own, self.grace, closed):
                found.setdefault(each.handoff, []).append(_Open(*each, None))
        for notice in await notice_repository.over(connection, closed):
            found.setdefault(notice.handoff, []).append(_Open(notice.handoff, notice.audience, None, notice))
        return found

    async def _speak(self, connection: asyncpg.Connection, now: datetime, some: Sequence[_Open], said: _Said) -> None:
        """What there is to say of these is said: all of it, or nothing where one of them cannot be computed."""
        notices = await self._notices(connection, some)
        if not notices:
            return
        ids = [notice.id(self.secret) for notice in notices]
        await notice_repository.raise_them(connection, notices, ids, now)
        given = await self.give(connection, list(zip(notices, ids, strict=True)))
        if given is None:
            raise NotYet
        said.counted |= await notice_repository.open_ones(connection, [notice.handoff for notice in notices])
        said.notices += notices
        said.given |= given

    async def _notices(self, connection: asyncpg.Connection, some: Sequence[_Open]) -> list[SilenceNotice]:
        handoffs = list({each.handoff for each in some})
        known = await notice_repository.as_known(connection, handoffs)
        before: dict[tuple[str, str], set[tuple[Stage, datetime]]] = {}
        for notice in await notice_repository.spoken_of(connection, handoffs):
            before.setdefault((notice.handoff, notice.audience), set()).add((notice.stage, notice.due))
        found: list[SilenceNotice] = []
        for handoff, audience, until, over in some:
            waiting = known.get((handoff, audience))
            if until is not None and waiting is not None:
                found += silences(waiting, before.get((handoff, audience), ()), until, self.grace)
            if over is not None:
                found += answers(waiting, [over])
        return found
