"""Streams events while things die, and says what was lost or doubled: `python -m chaos.chaos KILLS EVENTS [SEED]`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from secrets import randbelow

from aiokafka import AIOKafkaConsumer, TopicPartition

from chaos.check import faults
from chaos.publisher import ORGS, Publisher
from chaos.world import World

SETTLED_WITHIN_S = 120.0
"""Without any progress for so long, intake has stalled."""


def chaos(
    place: Path, kills: int, events: int, seed: int, rate: float, say: Callable[[str], None] = print, disk: bool = True
) -> list[str]:
    """What is wrong after so many events during which so many things happened; nothing when all is well."""
    say(f"seed {seed}")
    random = Random(seed)
    with World(place, random, disk=disk) as world:
        if not world.mounted:
            say("left out: a full disk, which needs a file system of its own and the right to mount it")
        began = time.monotonic()
        with Publisher(world.kafka.bootstrap, events, rate, seed) as publisher:
            happened = _happen(world, publisher, kills, say)
            _until_moved(lambda: publisher.history.acks + publisher.history.unsure, lambda: publisher.done, world)
        published = time.monotonic() - began
        settle(world)
        history = publisher.history
        say(f"happened: {', '.join(f'{n} × {name}' for name, n in happened.most_common())}; {world.starts} starts")
        say(
            f"sent {history.sent:,} ({history.acks:,} acknowledged, {history.unsure:,} unsure) in {published:.0f} s;"
            f" all applied {time.monotonic() - began - published:.0f} s later"
        )
        return asyncio.run(faults(world.postgres.dsn, history))


def _happen(world: World, publisher: Publisher, kills: int, say: Callable[[str], None]) -> Counter[str]:
    happened: Counter[str] = Counter()
    left: list[Callable[[], None]] = []
    while happened.total() < kills:
        left = left or world.random.sample(world.happenings(), len(world.happenings()))
        what = left.pop()
        world._rest(world.random.uniform(0.2, 2.0))
        began = time.monotonic()
        what()
        happened[what.__name__] += 1
        say(
            f"{happened.total():>4}  {what.__name__:<20} {time.monotonic() - began:5.1f} s"
            f"  {publisher.history.acks:>9,} acknowledged"
        )
    return happened


def settle(world: World) -> None:
    """Every record that the broker has is behind a position in Postgres. Raises AssertionError when it stalls."""
    ends = asyncio.run(_ends(world.kafka.bootstrap))

    def at() -> dict[tuple[str, int], int]:
        rows = world.sql("select topic, partition, next_offset from consumer_position where topic like '%.agency-%'")
        return {(r["topic"], r["partition"]): r["next_offset"] for r in rows}

    _until_moved(lambda: sum(at().values()), lambda: all(at().get(p, 0) >= end for p, end in ends.items()), world)


def _until_moved(progress: Callable[[], int], done: Callable[[], bool], world: World) -> None:
    last, since = -1, time.monotonic()
    while not done():
        if (now := progress()) != last:
            last, since = now, time.monotonic()
        if time.monotonic() - since > SETTLED_WITHIN_S:
            raise AssertionError(f"nothing moved for {SETTLED_WITHIN_S:.0f} s")
        world._rest(0.3)


async def _ends(bootstrap: str) -> dict[tuple[str, int], int]:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None) as consumer:
        partitions = [TopicPartition(f"pathline.in.{org}", n) for org in ORGS for n in range(3)]
        return {(tp.topic, tp.partition): end for tp, end in (await consumer.end_offsets(partitions)).items()}


def main(kills: int, events: int, seed: int) -> None:
    with tempfile.TemporaryDirectory(prefix="pathline-chaos-") as place:
        wrong = chaos(Path(place), kills, events, seed, rate=max(400.0, events / (4.0 * kills)))
        for each in wrong:
            print(f"WRONG: {each}")
    if wrong:
        sys.exit(1)
    print("nothing lost, nothing twice")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else randbelow(2**32))
