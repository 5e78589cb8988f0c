"""Tells the lives to the desks: many of them at once, in the order of their simulated time, at a chosen rate."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import count, islice
from typing import Final

from pathline import Producer
from pathline_services.simulator.life import simulate_lives
from pathline_services.simulator.script import Act
from pathline_services.simulator.stuck_handoff import stuck_acts
from pathline_services.topics import desk_topic

TICK_S: Final = 0.05
"""How often what is due is told; a tick's visits travel together."""

HEADERS: Final = [("content-type", b"application/json")]


def simulate_acts(seed: int, lives_per_generation: int, now: datetime, *, forever: bool = False) -> Iterator[Act]:
    """The stuck hand-off, which a demonstration shows at once; then the acts of many lives, interleaved as in reality.

    For ever, each next generation has lives of its own.
    """
    yield from _merge_by_time(stuck_acts(now))
    for generation in count() if forever else range(1):
        numbers = range(generation * lives_per_generation, (generation + 1) * lives_per_generation)
        yield from _merge_by_time(simulate_lives(seed, numbers, now))


def _merge_by_time(acts_by_life: Iterable[Sequence[Act]]) -> Iterator[Act]:
    return heapq.merge(*acts_by_life, key=lambda act: act.at)


async def publish_acts(
    acts: Iterator[Act], producer: Producer, rate: float, on_published: Callable[[int], None], stop: asyncio.Event
) -> None:
    """Sends every act to its desk, at most `rate` a second; ends with the acts, or soon after `stop` is set."""
    async for due_acts in _rate_limited(acts, rate, stop):
        await asyncio.gather(*(_publish_act(act, producer) for act in due_acts))
        on_published(len(due_acts))


async def _publish_act(act: Act, producer: Producer) -> None:
    text = act.visit.model_dump_json(exclude_none=True, by_alias=True)
    await producer.send(desk_topic(act.org), key=act.visit.person.encode(), value=text.encode(), headers=HEADERS)


async def _rate_limited(acts: Iterator[Act], rate: float, stop: asyncio.Event) -> AsyncIterator[Sequence[Act]]:
    clock = asyncio.get_running_loop().time
    started_at, emitted = clock(), 0
    while not stop.is_set():
        budget = int((clock() - started_at) * rate) + 1 - emitted
        due_acts = list(islice(acts, max(0, budget)))
        if budget > 0 and not due_acts:
            return
        emitted += len(due_acts)
        if due_acts:
            yield due_acts
        await asyncio.sleep(TICK_S)
