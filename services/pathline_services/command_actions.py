"""What the commands do: the services run, lives are told to them, and how far that came is printed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pathline.kafka import KafkaProducer
from pathline_services import topics
from pathline_services.reference import SERVICES
from pathline_services.service_runner import EventCounts, serving, stop_requested
from pathline_services.simulator.telling import tell, town

PROGRESS_SECONDS: Final = 5.0
"""Between two lines of progress."""


@dataclass
class Progress:
    """What was told and published so far, in numbers only."""

    visits: int = 0
    published: Callable[[], int] | None = None

    def told(self, visits: int) -> None:
        self.visits += visits

    def line(self) -> str:
        end = "" if self.published is None else f", {self.published():,} interactions published"
        return f"{self.visits:,} visits told{end}"


async def run(kafka: str, only: list[str]) -> None:
    """The services run until SIGTERM."""
    stop = stop_requested()
    async with serving(kafka, only) as out:
        _say(f"at work: {', '.join(only or SERVICES)}")
        await _report(lambda: f"{out.sent:,} interactions published", stop)
    _say(f"stopped; {out.sent:,} interactions published")


async def simulate(kafka: str, seed: int, lives: int, rate: float, forever: bool) -> None:
    """Lives are told to the desks."""
    stop = stop_requested()
    await topics.made(kafka, SERVICES)
    _say(_plan(seed, lives, rate, forever))
    await _tell_all(kafka, seed, lives, rate, forever, Progress(), stop)


async def play(kafka: str, seed: int, lives: int, rate: float, forever: bool) -> None:
    """The services run, and lives are told to them."""
    stop = stop_requested()
    async with serving(kafka) as out:
        _say(f"at work: {', '.join(SERVICES)}")
        _say(_plan(seed, lives, rate, forever))
        _say("a stuck hand-off is among them: `pathline-services stuck` says where")
        progress = Progress(published=lambda: out.sent)
        await _tell_all(kafka, seed, lives, rate, forever, progress, stop)
        await _until_quiet(out, stop)
        if not stop.is_set():
            _say(f"all lives are told: {progress.line()}; the services go on until SIGTERM")
            await stop.wait()
    _say(f"stopped; {progress.line()}")


async def _tell_all(
    kafka: str, seed: int, lives: int, rate: float, forever: bool, progress: Progress, stop: asyncio.Event
) -> None:
    acts = town(seed, lives, datetime.now(UTC), forever=forever)
    async with KafkaProducer(kafka) as out, asyncio.TaskGroup() as tasks:
        reporter = tasks.create_task(_report(progress.line, stop))
        try:
            await tell(acts, out, rate, progress.told, stop)
        finally:
            reporter.cancel()
    _say(progress.line())


async def _report(line: Callable[[], str], stop: asyncio.Event) -> None:
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PROGRESS_SECONDS)
            return
        _say(line())


async def _until_quiet(out: EventCounts, stop: asyncio.Event) -> None:
    """Nothing was published for a second, so the desks are read to the end (or somebody asked to stop)."""
    before = -1
    while out.sent != before and not stop.is_set():
        before = out.sent
        await asyncio.sleep(1)


def _plan(seed: int, lives: int, rate: float, forever: bool) -> str:
    return f"{lives:,} lives{' at a time, for ever,' if forever else ''} with seed {seed}, {rate:g} visits a second"


def _say(line: str) -> None:
    print(line, flush=True)
