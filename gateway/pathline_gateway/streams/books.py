"""What all lines of a process read and write of their sinks: for many in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import asyncpg

from pathline_gateway.store import given, sink_turns, subscriptions, webhooks
from pathline_gateway.store import webhook_delivery as store
from pathline_gateway.store.subscriptions import Numbered, Subscription
from pathline_gateway.store.webhook_delivery import Next, Released, Settled, State
from pathline_gateway.streams.deliver import Moment, told_of
from pathline_gateway.streams.delivery import Delivery
from pathline_gateway.streams.message import Message, message
from pathline_gateway.streams.plan import Plan
from pathline_gateway.streams.together import Together

_LINES: Final = 64
"""Lines that are looked for in one transaction: each has a window of events."""
_GATHER_S: Final = 0.01
"""How long what came back from other sinks is waited for, to be written down together."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is found in one transaction, and to be done."""

    state: State
    org: str
    keys: Sequence[str]
    plan: Plan
    start: Sequence[tuple[Next, Message]]


class Planner(Protocol):
    """Says what to do with what is found."""

    def plan(self, state: State, found: Sequence[Next], free: int) -> Plan:
        """So many may be begun."""


class Asked(NamedTuple):
    """A line that looks."""

    subscription: UUID
    free: int
    ahead: int
    """How many events are looked at."""
    planner: Planner


class Books:
    """One for all lines of a process."""

    def __init__(self, common: Delivery, me: UUID) -> None:
        self._common, self._me = common, me
        self._looks = Together(self._look)
        self._settled = Together(self._settle, _GATHER_S)
        self._released = Together(self._release)

    async def look(self, asked: Asked) -> Look | None:
        """What to do; None where the sink is another's, or gone."""
        return await self._looks.ask(asked)

    async def settle(self, subscription: UUID, what: Settled) -> bool:
        """Whether it is written down; not where the sink is another's by now."""
        return await self._settled.ask((subscription, what))

    async def release(self, released: Released) -> bool:
        """Whether the sink is nobody's now; not where somebody changed it meanwhile."""
        return await self._released.ask(released)

    async def turn(self, state: State, org: str, n: int, *, more: bool) -> timedelta | None:
        """None: so many requests of this organisation may go to a sink that allows so many a minute, and are counted.

        Else in how long to ask again: it waits for its turn. With `n` 0 it only waits. `more`: it has more to send.
        """
        if state.allowed_rate is None:
            return None
        spacing, now = timedelta(minutes=1) / state.allowed_rate, self._common.sinks.now()
        async with self._common.pool.acquire() as connection, connection.transaction():
            before = await sink_turns.locked(connection, state.url, org, now)
            begun = before.begun(org, n, spacing, now, more=more) if n else None
            await sink_turns.write(connection, state.url, before, begun or before.waited(org, spacing, now))
        return None if begun else before.comes_at(org, spacing, now) - now

    async def hold(self, numbers: Sequence[Numbered]) -> None:
        """These are kept apart."""
        async with self._common.pool.acquire() as connection:
            await store.hold(connection, numbers)

    async def _look(self, asked: Sequence[Asked]) -> Sequence[Look | None]:
        some = asked[:_LINES]
        ids, common = [each.subscription for each in some], self._common
        async with common.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            states = await store.states(connection, ids, self._me)
            known = await subscriptions.several(connection, ids)
            keys = await webhooks.secrets_of(connection, ids, common.sinks.now())
            windows = {id: _window(states[id], ahead) for id, _, ahead, _ in some if id in states}
            found = await store.following(connection, windows)
            plans = {
                each.subscription: each.planner.plan(states[each.subscription], found[each.subscription], each.free)
                for each in some
                if each.subscription in states and each.subscription in known
            }
            await store.hold(connection, [(id, number) for id, made in plans.items() for number in made.hold])
            said = await self._messages(connection, known, plans)
        looks: dict[UUID, Look] = {}
        for id, made in plans.items():
            by_number = {each.number: each for each in found[id]}
            start = [(by_number[number], said[id, number]) for number in made.start]
            looks[id] = Look(states[id], known[id].org, keys[id], made, start)
        return [looks.get(id) for id in ids]

    async def _messages(
        self, connection: asyncpg.Connection, known: Mapping[UUID, Subscription], plans: Mapping[UUID, Plan]
    ) -> dict[Numbered, Message]:
        """What is posted; what is shown of others is logged, as wherever it is told."""
        moment = Moment(connection, self._common.secret, self._common.clock())
        rows = await given.under(connection, [(id, n) for id, made in plans.items() for n in made.start])
        said: dict[Numbered, Message] = {}
        for id, made in plans.items():
            found = known[id].seeing(self._common.everything)
            stored = [(number, rows[id, number]) for number in sorted(made.start) if (id, number) in rows]
            told = {event["number"]: event for event in await told_of(moment, found, stored, None)}
            said |= {(id, number): message(found, number, told.get(number)) for number in made.start}
        return said

    async def _settle(self, settled: Sequence[tuple[UUID, Settled]]) -> Sequence[bool]:
        async with self._common.pool.acquire() as connection, connection.transaction():
            written = await store.settle(connection, self._me, dict(settled), self._common.sinks.now())
        return [id in written for id, _ in settled]

    async def _release(self, released: Sequence[Released]) -> Sequence[bool]:
        async with self._common.pool.acquire() as connection:
            done = await store.release(connection, self._me, released)
        return [each.subscription in done for each in released]


def _window(state: State, ahead: int) -> tuple[int, int]:
    """After which number, and up to which."""
    return state.read_to, min(state.last_number, state.read_to + ahead)
