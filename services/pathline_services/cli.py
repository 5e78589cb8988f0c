"""The command line: `pathline-services run | simulate | play | stuck | register`."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from cyclopts import App, Parameter
from cyclopts.types import PositiveFloat, PositiveInt

from pathline.kafka import KafkaProducer
from pathline_services import reference, topics
from pathline_services.reference import SERVICES
from pathline_services.running import Counted, serving, stop_requested
from pathline_services.simulator.stuck import where_to_look
from pathline_services.simulator.telling import tell, town

PROGRESS_SECONDS: Final = 5.0
"""Between two lines of progress."""

app = App(name="pathline-services", help="Reference services, and a simulator of many lives across them.")

Kafka = Annotated[str, Parameter(name="--kafka")]


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


@app.command
def run(*, kafka: Kafka, only: list[str] | None = None) -> None:
    """The services read their desks and publish, until SIGTERM.

    Parameters
    ----------
    kafka: Address of the broker, HOST:PORT.
    only: Only the service of this organisation; repeatable.
    """
    unknown = set(only or ()) - set(SERVICES)
    if unknown:
        sys.exit(f"no such service; there are {', '.join(SERVICES)}")
    asyncio.run(_run(kafka, only or []))


@app.command
def simulate(
    *, kafka: Kafka, seed: int = 7, lives: PositiveInt = 200, rate: PositiveFloat = 50, forever: bool = False
) -> None:
    """Many lives are told to the desks of the services.

    Parameters
    ----------
    kafka: Address of the broker, HOST:PORT.
    seed: The same seed on the same day tells the same lives.
    lives: How many; with --forever, how many at a time.
    rate: Visits a second.
    forever: New lives follow until SIGTERM.
    """
    asyncio.run(_simulate(kafka, seed, lives, rate, forever))


@app.command
def play(
    *, kafka: Kafka, seed: int = 7, lives: PositiveInt = 200, rate: PositiveFloat = 50, forever: bool = False
) -> None:
    """The services run, and many lives are told to them; afterwards they go on until SIGTERM.

    Parameters
    ----------
    kafka: Address of the broker, HOST:PORT.
    seed: The same seed on the same day tells the same lives.
    lives: How many; with --forever, how many at a time.
    rate: Visits a second.
    forever: New lives follow until SIGTERM.
    """
    asyncio.run(_play(kafka, seed, lives, rate, forever))


@app.command
def stuck() -> None:
    """Prints where the seeded stuck hand-off is: organisation and subject, for POST /v1/pathways/search."""
    print(json.dumps(where_to_look()))


@app.command
def register() -> None:
    """Prints the register entries of the reference organisations."""
    print(json.dumps({"organisations": reference.register()}, indent=2))


async def _run(kafka: str, only: list[str]) -> None:
    stop = stop_requested()
    async with serving(kafka, only) as out:
        _say(f"at work: {', '.join(only or SERVICES)}")
        await _report(lambda: f"{out.sent:,} interactions published", stop)
    _say(f"stopped; {out.sent:,} interactions published")


async def _simulate(kafka: str, seed: int, lives: int, rate: float, forever: bool) -> None:
    stop = stop_requested()
    await topics.made(kafka, SERVICES)
    _say(_plan(seed, lives, rate, forever))
    await _tell_all(kafka, seed, lives, rate, forever, Progress(), stop)


async def _play(kafka: str, seed: int, lives: int, rate: float, forever: bool) -> None:
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


async def _until_quiet(out: Counted, stop: asyncio.Event) -> None:
    """Nothing was published for a second, so the desks are read to the end (or somebody asked to stop)."""
    before = -1
    while out.sent != before and not stop.is_set():
        before = out.sent
        await asyncio.sleep(1)


def _plan(seed: int, lives: int, rate: float, forever: bool) -> str:
    return f"{lives:,} lives{' at a time, for ever,' if forever else ''} with seed {seed}, {rate:g} visits a second"


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    """The entry point."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # KafkaProducer asks whether the broker can do idempotence; a broker that cannot is no error here.
    logging.getLogger("aiokafka.producer.sender").addFilter(lambda line: "InitProducerId" not in line.getMessage())
    app()


if __name__ == "__main__":
    main()
