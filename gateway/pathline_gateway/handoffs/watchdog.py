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
from pathline_gateway.background.leadership import Confirm, confirmed
from pathline_gateway.background.supervisor import Loop
from pathline_gateway.handoffs import notice_repository
from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs.deadlines import Stage
from pathline_gateway.handoffs.open_stages import UNRESTRICTED_AUDIENCE
from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.handoffs.silence import SilenceNotice, find_ended_silences, find_silences
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.kafka.watermark import TopicWatermarks
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.set_aside.bisection import any_foldable, fold_or_fail_work
from pathline_gateway.telemetry.instruments import HANDOFFS
from pathline_gateway.telemetry.series_bound import mask_unregistered

WORK: Final = "silence"
_INGEST_TOPIC_PREFIX: Final = "pathline.in.door-"
_TOPIC_PREFIX: Final = "pathline.in."
_POLL_S: Final = 1.0
_RETRY_S: Final = 0.05

DeliverNotices = Callable[
    [asyncpg.Connection, Sequence[tuple[SilenceNotice, str]]], Awaitable[Mapping[UUID, int] | None]
]
"""Gives notices (and the id of each) to the subscriptions that want them and may know, in the current transaction.

None: the events that the notices are about were not dispatched yet, and must come before them.
"""


class DispatchBehind(Postponed):
    """What is to be said has to wait for what came before it."""


class _Candidate(NamedTuple):
    """A hand-off of which something may have to be said: of its silence until now, or of the end of this one."""

    handoff: str
    audience: str
    known_until: datetime | None
    ended_silence: SilenceNotice | None


@dataclass
class _Outcome:
    """What a look came to."""

    notices: list[SilenceNotice] = field(default_factory=list)
    last_number_by_subscription: dict[UUID, int] = field(default_factory=dict)
    unconcealed: set[str] = field(default_factory=set)


@dataclass
class Watchdog:
    """Runs in every gateway; Postgres sees to it that each thing is said once."""

    pool: asyncpg.Pool
    clock: Callable[[], datetime]
    secret: bytes
    progress: Progress
    observe_log: Callable[[], Awaitable[float | None]]
    """Learns ends and positions: how many seconds ago the broker said where the log ends; None when it does not say."""
    deliver_notices: DeliverNotices
    on_delivered: Callable[[Mapping[UUID, int]], None]
    """Told of the last number of each subscription that was given something, once that is committed."""
    grace: timedelta
    confirm: Confirm = confirmed
    """Whether no other process leads this."""
    watermarks: TopicWatermarks = field(default_factory=TopicWatermarks)

    @property
    def loop(self) -> Loop:
        """Looks every second."""
        return Loop(WORK, self._poll, _POLL_S)

    async def _poll(self) -> bool:
        try:
            return await self.check()
        except DispatchBehind:
            await asyncio.sleep(_RETRY_S)
            return True

    async def check(self) -> bool:
        """Whether it sent anything. It says nothing of a topic with events before the look that it does not know.

        A hand-off that cannot be computed is set aside, without a notice. Raises DispatchBehind.
        """
        now = self.clock()
        if (age := await self.observe_log()) is not None:
            self.watermarks.observe(now - timedelta(seconds=age), dict(self.progress.end_offsets), self.progress.lag())
        while await project_next_batch(self.pool, self.confirm):
            pass
        async with self.pool.acquire() as connection, connection.transaction():
            await handoff_repository.lock(connection)
            if not await self.confirm(connection):
                return False
            outcome = await self._send_due_notices(connection, now)
            orgs = {org for notice in outcome.notices for org in (notice.sender, notice.receiver)}
            registered_orgs = await organisation_repository.known_organisations(connection, orgs) if orgs else set()
        for notice in outcome.notices:
            if (
                notice.kind == "silent"
                and notice.audience == UNRESTRICTED_AUDIENCE
                and notice.handoff in outcome.unconcealed
            ):
                pair = {"pathline.from": notice.sender, "pathline.to": notice.receiver}
                HANDOFFS.add(1, mask_unregistered({**pair, "pathline.outcome": "silent"}, registered_orgs))
        self.on_delivered(outcome.last_number_by_subscription)
        return bool(outcome.notices)

    async def _send_due_notices(self, connection: asyncpg.Connection, now: datetime) -> _Outcome:
        candidates, outcome = await self._find_candidates(connection), _Outcome()

        async def send(handoff_ids: Sequence[str]) -> None:
            await self._send_notices(
                connection, now, [each for handoff in handoff_ids for each in candidates[handoff]], outcome
            )

        async def dry_run(handoff_ids: Sequence[str]) -> None:
            await self._compute_notices(
                connection, [_Candidate(handoff, UNRESTRICTED_AUDIENCE, now, None) for handoff in handoff_ids]
            )

        async def is_healthy() -> bool | None:
            return await any_foldable(
                connection, await handoff_repository.sample_good_handoffs(connection, WORK), dry_run
            )

        set_aside_before = await set_aside.find_set_aside(connection, WORK, candidates)
        failed = await fold_or_fail_work(connection, sorted(candidates), send, is_healthy)
        await set_aside.release(connection, WORK, set_aside_before - failed.keys())
        await set_aside.put(connection, WORK, "hand-off", failed)
        return outcome

    async def _find_candidates(self, connection: asyncpg.Connection) -> dict[str, list[_Candidate]]:
        """By hand-off, what may have to be said."""
        closed_refs = await set_aside.closed_refs(connection, or_held=True)
        candidates: dict[str, list[_Candidate]] = {}
        shared_watermarks = [
            until for topic, until in self.watermarks.complete_until.items() if topic.startswith(_INGEST_TOPIC_PREFIX)
        ]
        if shared_watermarks:
            own_topic_watermarks = {
                t.removeprefix(_TOPIC_PREFIX): until
                for t, until in self.watermarks.complete_until.items()
                if not t.startswith(_INGEST_TOPIC_PREFIX)
            }
            for each in await notice_repository.find_overdue(
                connection, min(shared_watermarks), own_topic_watermarks, self.grace, closed_refs
            ):
                candidates.setdefault(each.handoff, []).append(_Candidate(*each, None))
        for notice in await notice_repository.ended_silences(connection, closed_refs):
            candidates.setdefault(notice.handoff, []).append(_Candidate(notice.handoff, notice.audience, None, notice))
        return candidates

    async def _send_notices(
        self, connection: asyncpg.Connection, now: datetime, candidates: Sequence[_Candidate], outcome: _Outcome
    ) -> None:
        """What there is to say of these is said: all of it, or nothing where one of them cannot be computed."""
        notices = await self._compute_notices(connection, candidates)
        if not notices:
            return
        ids = [notice.notice_id(self.secret) for notice in notices]
        await notice_repository.insert_notices(connection, notices, ids, now)
        last_numbers = await self.deliver_notices(connection, list(zip(notices, ids, strict=True)))
        if last_numbers is None:
            raise DispatchBehind
        outcome.unconcealed |= await notice_repository.unconcealed_handoffs(
            connection, [notice.handoff for notice in notices]
        )
        outcome.notices += notices
        outcome.last_number_by_subscription |= last_numbers

    async def _compute_notices(
        self, connection: asyncpg.Connection, candidates: Sequence[_Candidate]
    ) -> list[SilenceNotice]:
        handoffs = list({each.handoff for each in candidates})
        open_stages = await notice_repository.load_open_stages(connection, handoffs)
        already_sent: dict[tuple[str, str], set[tuple[Stage, datetime]]] = {}
        for notice in await notice_repository.sent_silences(connection, handoffs):
            already_sent.setdefault((notice.handoff, notice.audience), set()).add((notice.stage, notice.due_at))
        notices: list[SilenceNotice] = []
        for handoff, audience, known_until, ended_silence in candidates:
            waiting = open_stages.get((handoff, audience))
            if known_until is not None and waiting is not None:
                notices += find_silences(waiting, already_sent.get((handoff, audience), ()), known_until, self.grace)
            if ended_silence is not None:
                notices += find_ended_silences(waiting, [ended_silence])
        return notices
