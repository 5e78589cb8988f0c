"""What the commands do: the services run, lives are told to them, and how far that came is printed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pathline.kafka import KafkaProducer
from pathline_services import referral_inbox, topics
from pathline_services.reference import SERVICES
from pathline_services.referral_inbox import ReferralInbox
from pathline_services.service_runner import EventCounts, install_stop_signal, run_services
from pathline_services.simulator.visit_publisher import publish_acts, simulate_acts

PROGRESS_SECONDS: Final = 5.0
"""Between two lines of progress."""


@dataclass
class RunProgress:
    """How many visits and events were sent so far, in numbers only."""

    visits: int = 0
    published: Callable[[], int] | None = None

    def add_visits(self, visits: int) -> None:
        self.visits += visits

    def describe(self) -> str:
        suffix = "" if self.published is None else f", {self.published():,} interactions published"
        return f"{self.visits:,} visits told{suffix}"


async def run(kafka: str, only: list[str]) -> None:
    """The services run until SIGTERM."""
    stop = install_stop_signal()
    async with run_services(kafka, only) as producer:
        _print_line(f"at work: {', '.join(only or SERVICES)}")
        await _report(lambda: f"{producer.sent:,} interactions published", stop)
    _print_line(f"stopped; {producer.sent:,} interactions published")


async def simulate(kafka: str, seed: int, lives: int, rate: float, forever: bool) -> None:
    """Lives are told to the desks."""
    stop = install_stop_signal()
    await topics.ensure_topics(kafka, SERVICES)
    _print_line(_describe_run(seed, lives, rate, forever))
    await _publish_lives(kafka, seed, lives, rate, forever, RunProgress(), stop)


async def play(kafka: str, seed: int, lives: int, rate: float, forever: bool) -> None:
    """The services run, and lives are told to them."""
    stop = install_stop_signal()
    async with run_services(kafka) as producer:
        _print_line(f"at work: {', '.join(SERVICES)}")
        _print_line(_describe_run(seed, lives, rate, forever))
        _print_line("a stuck hand-off is among them: `pathline-services stuck` says where")
        progress = RunProgress(published=lambda: producer.sent)
        await _publish_lives(kafka, seed, lives, rate, forever, progress, stop)
        await _wait_until_idle(producer, stop)
        if not stop.is_set():
            _print_line(f"all lives are told: {progress.describe()}; the services go on until SIGTERM")
            await stop.wait()
    _print_line(f"stopped; {progress.describe()}")


async def _publish_lives(
    kafka: str, seed: int, lives: int, rate: float, forever: bool, progress: RunProgress, stop: asyncio.Event
) -> None:
    acts = simulate_acts(seed, lives, datetime.now(UTC), forever=forever)
    async with KafkaProducer(kafka) as producer, asyncio.TaskGroup() as tasks:
        reporter = tasks.create_task(_report(progress.describe, stop))
        try:
            await publish_acts(acts, producer, rate, progress.add_visits, stop)
        finally:
            reporter.cancel()
    _print_line(progress.describe())


async def _report(line: Callable[[], str], stop: asyncio.Event) -> None:
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PROGRESS_SECONDS)
            return
        _print_line(line())


async def _wait_until_idle(producer: EventCounts, stop: asyncio.Event) -> None:
    """Nothing was published for a second, so the desks are read to the end (or somebody asked to stop)."""
    previous_count = -1
    while producer.sent != previous_count and not stop.is_set():
        previous_count = producer.sent
        await asyncio.sleep(1)


def _describe_run(seed: int, lives: int, rate: float, forever: bool) -> str:
    return f"{lives:,} lives{' at a time, for ever,' if forever else ''} with seed {seed}, {rate:g} visits a second"


def _print_line(line: str) -> None:
    print(line, flush=True)


async def inbox(kafka: str, topic: str) -> None:
    """The referrals that wait are printed whenever they change, until SIGTERM."""
    stop, referrals = install_stop_signal(), ReferralInbox()

    def print_waiting() -> None:
        overdue = sum(each.silent_since is not None for each in referrals.waiting.values())
        _print_line(f"{len(referrals.waiting):,} wait for an answer, {overdue:,} of them for too long")

    referrals.on_change = print_waiting
    reader = referral_inbox.app(kafka, topic, referrals)
    await reader.start()
    try:
        await stop.wait()
    finally:
        await reader.stop()
