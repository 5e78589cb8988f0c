"""Tells the lives to the desks: many of them at once, in the order of their simulated time, at a chosen rate."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import count, islice
from typing import Final

from pathline import Producer
from pathline_services.simulator.life import lives
from pathline_services.simulator.script import Act
from pathline_services.simulator.stuck import stuck_acts
from pathline_services.topics import desk_topic

TICK_SECONDS: Final = 0.05
"""How often what is due is told; a tick's visits travel together."""

HEADERS: Final = [("content-type", b"application/json")]


def town(seed: int, how_many: int, now: datetime, *, forever: bool = False) -> Iterator[Act]:
    """The stuck hand-off, which a demonstration shows at once; then the acts of many lives, interleaved as in reality.

    For ever, each next generation has lives of its own.
    """
    yield from _interleaved(stuck_acts(now))
    for generation in count() if forever else range(1):
        numbers = range(generation * how_many, (generation + 1) * how_many)
        yield from _interleaved(lives(seed, numbers, now))


def _interleaved(lives: Iterable[Sequence[Act]]) -> Iterator[Act]:
    return heapq.merge(*lives, key=lambda act: act.at)


async def tell(
    acts: Iterator[Act], out: Producer, rate: float, told: Callable[[int], None], stop: asyncio.Event
) -> None:
    """Every act is at its desk, at most `rate` of them a second; ends with the acts, or soon after `stop` is set."""
    async for due in _paced(acts, rate, stop):
        await asyncio.gather(*(_tell(act, out) for act in due))
        told(len(due))


async def _tell(act: Act, out: Producer) -> None:
    text = act.visit.model_dump_json(exclude_none=True, by_alias=True)
    await out.send(desk_topic(act.org), key=act.visit.person.encode(), value=text.encode(), headers=HEADERS)


async def _paced(acts: Iterator[Act], rate: float, stop: asyncio.Event) -> AsyncIterator[Sequence[Act]]:
    clock = asyncio.get_running_loop().time
    began, done = clock(), 0
    while not stop.is_set():
        allowed = int((clock() - began) * rate) + 1 - done
        due = list(islice(acts, max(0, allowed)))
        if allowed > 0 and not due:
            return
        done += len(due)
        if due:
            yield due
        await asyncio.sleep(TICK_SECONDS)
