"""`make bench`: every figure in one run on one machine.

python -m bench [--full] [--broker tansu|apache|HOST:PORT] [--without quixstreams] [--out FILE]
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import uvloop
from cyclopts import App, Parameter
from rich.console import Console

from bench import eligibility
from bench.contest import contest
from bench.contestant import ALL
from bench.dispatching import dispatching
from bench.events import stream
from bench.figures import figures
from bench.growth import growth
from bench.live import live
from bench.machine import machine
from bench.report import KEYS, machine_facts, show, write
from bench.topic import OWN_TOPIC, fill, topic

Peer = Literal["ceiling", "plain", "quixstreams"]


@dataclass(frozen=True)
class Size:
    """How much a run does."""

    mode: str
    events: int
    rounds: int
    live: int
    seconds: float
    growth: tuple[int, int]
    timed: int
    merged: tuple[int, ...]
    """Interactions of the pathways that are merged."""


# So many events that the few batches read ahead before the first commit, which is where the clock starts, weigh little.
QUICK = Size(
    "quick: growth from 50,000 to 150,000 only", 240_000, 2, 40_000, 3, (50_000, 150_000), 48_000, (100, 10_000)
)
FULL = Size(
    "full: growth from 100,000 to 10,000,000",
    400_000,
    5,
    60_000,
    20,
    (100_000, 10_000_000),
    100_000,
    (100, 10_000, 1_000_000),
)

_BEGAN = time.monotonic()
app = App(name="bench", help="Measures intake, pull and growth, with peers.")


@app.default
def main(
    *,
    full: Annotated[bool, Parameter(negative="")] = False,
    broker: str = "tansu",
    without: tuple[Peer, ...] = (),
    out: Path = Path("build/bench.json"),
) -> None:
    """Writes the report and shows it; ends with an error when a contestant lost an event."""
    found = uvloop.run(bench(FULL if full else QUICK, broker, without))
    write(found, out)
    show(found, Console(width=140))


async def bench(size: Size, broker: str, without: tuple[str, ...]) -> dict[str, object]:
    """Everything that was measured."""
    found: dict[str, object] = dict.fromkeys(sorted(KEYS))
    found |= {"mode": size.mode, "machine": machine_facts(broker), "left_out": list(without)}
    contestants = [each for each in ALL if each.name not in without]
    with tempfile.TemporaryDirectory(prefix="pathline-bench-") as kept:
        folder = Path(kept)
        async with machine(broker, folder / "machine") as made:
            _say("contest")
            found |= await contest(made, contestants, size.events, size.rounds, folder)
            _say("dispatching")
            found |= await dispatching(made, size.timed)
            _say("live gateway")
            async with topic(made.kafka, OWN_TOPIC), made.fresh_database("live") as database:
                await fill(made.kafka, OWN_TOPIC, stream(size.live))
                async with live(made, database, folder / "live.log") as at:
                    await at.until_stored(size.live)
                    found |= await figures(at, size.seconds, size.rounds, size.live, size.merged)
        _say("eligibility")
        found |= eligibility.measure()
        _say("growth")
        found |= await growth(broker, folder, size.growth, size.timed, full=size is FULL)
    return found


def _say(what: str) -> None:
    Console(stderr=True).print(f"bench: {time.monotonic() - _BEGAN:4.0f} s: {what} …", style="dim")


if __name__ == "__main__":
    app()
