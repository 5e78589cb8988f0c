"""The same work on a small store and on a large one.

The store grows through intake, so its layout is the one that intake makes. The records that are timed are about persons
of the whole store, chosen all over it: each finds a ref that is long there, and a page that is far from the last one.
Tansu keeps its log in memory, so broker and Postgres are started anew for every half million events; Postgres stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.contestant import GATEWAY, Run, watched
from bench.events import STEPS_A_PERSON, Sent, event, stream
from bench.figures import figures
from bench.live import Live, live
from bench.machine import machine
from bench.storage import bytes_per_event
from bench.topic import OWN_TOPIC, fill, topic

_CHUNK = 500_000
_BLOCK = 50_000
"""Events about one set of persons; a chunk has several."""
_WARM = 2 / 3
"""The part of the timed events that is not timed."""
_TIMED_FROM = 500_000_000
"""Numbers of the timed events, beyond any that the store grew by."""


@dataclass
class Growth:
    """A store that grows on one data directory."""

    broker: str
    data: Path
    log: Path
    stored: int = 0
    grown: int = 0
    timed: int = 0

    async def to(self, events: int) -> None:
        """The store holds so many interactions that it grew by, beside those that were timed."""
        while self.grown < events:
            n = min(_CHUNK, events - self.grown)
            blocks = range(self.grown, self.grown + n, _BLOCK)
            await self._taken((e for b in blocks for e in stream(min(_BLOCK, self.grown + n - b), b)), n)
            self.grown += n

    async def throughput(self, events: int) -> tuple[float, int]:
        """Events a second for the last of so many events about persons of the whole store, and bytes on disk an event.

        The first of them read what they need of the store into memory, which a server that stays up does once.
        """
        start = _TIMED_FROM + self.timed
        self.timed += events
        run, size = await self._taken(_all_over(self.grown, start, events), events)
        return run.rate_beyond(_WARM), size

    async def figures(self, seconds: float, rounds: int) -> dict[str, object]:
        """Everything that is measured at a live gateway, at the size that the store has now."""
        async with AsyncExitStack() as stack:
            at = await self._live(stack, [])
            before = await at.stored()
            found = await figures(at, seconds, rounds, _TIMED_FROM + 100_000_000 + before)
            self.stored = await at.stored()
        return found

    async def _taken(self, events: Iterable[Sent], different: int) -> tuple[Run, int]:
        async with AsyncExitStack() as stack:
            at = await self._live(stack, events)
            self.stored += different
            run = await watched(GATEWAY, None, at.database, self.stored, self.log)
            return run, await bytes_per_event(at)

    async def _live(self, stack: AsyncExitStack, events: Iterable[Sent]) -> Live:
        made = await stack.enter_async_context(machine(self.broker, self.data))
        await stack.enter_async_context(topic(made.kafka, OWN_TOPIC))
        await fill(made.kafka, OWN_TOPIC, events)
        return await stack.enter_async_context(live(made, made.database, self.log))


def _all_over(grown: int, start: int, events: int) -> Iterator[Sent]:
    blocks, people = max(1, grown // _BLOCK), _BLOCK // STEPS_A_PERSON
    for n in range(start, start + events):
        yield event(n, (n * 7 % blocks) * _BLOCK + n * 7919 % people)


async def growth(broker: str, folder: Path, sizes: tuple[int, int], timed: int, full: bool) -> dict[str, object]:
    """Throughput and disk at both sizes and the ratio of throughputs; with `full`, every other figure too."""
    store = Growth(broker, folder / "growth", folder / "growth.log")
    found: dict[str, object] = {"growth_sizes": list(sizes)}
    rates = []
    for size in sizes:
        await store.to(size)
        rate, per_event = await store.throughput(timed)
        rates.append(rate)
        found |= {f"events_per_s_at_{size}": round(rate), f"bytes_per_event_at_{size}": per_event}
        if full:
            found |= {f"{name}_at_{size}": value for name, value in (await store.figures(5, 1)).items()}
    return {"growth_ratio": round(rates[1] / rates[0], 3), **found}
