"""Writes a subscription's topic while gateways and brokers die, and says what its reader lacks or has twice:

python -m chaos.topics_out KILLS EVENTS [SEED] [on|off]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from secrets import randbelow
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer

from chaos.chaos import _until_moved, settle
from chaos.publisher import Publisher
from chaos.world import World
from pathline_gateway.streams.kafka import topic_repository
from pathline_gateway.streams.kafka.topic_names import topic_name
from pathline_gateway.streams.subscriptions import repository as subscription_repository

Seen = tuple[bytes | None, int, tuple[bytes, bytes]]
"""Key, number, and identity of a record."""


def chaos(
    place: Path, kills: int, events: int, seed: int, rate: float, transactions: str, say: Callable[[str], None] = print
) -> list[str]:
    """What is wrong with the topic after so many happenings; nothing when all is well."""
    say(f"seed {seed}, transactions {transactions}")
    random = Random(seed)
    environment = {"PATHLINE_KAFKA_OUT_TRANSACTIONS": transactions, "PATHLINE_KAFKA_OUT_OPEN": "true"}
    with World(place, random, disk=False, environment=environment) as world:
        id = asyncio.run(_subscribed(world))
        happenings = [
            world.kill_gateway, world.stop_gateway, world.freeze_gateway_for_long, world.kill_broker,
            world.freeze_broker, world.terminate_backends, world.kill_postgres, world.cut,
        ]  # fmt: skip
        with Publisher(world.kafka.bootstrap, events, rate, seed) as publisher:
            left: list[Callable[[], None]] = []
            for n in range(kills):
                left = left or random.sample(happenings, len(happenings))
                what = left.pop()
                world._rest(random.uniform(0.5, 2.0))
                what()
                say(f"{n + 1:>4}  {what.__name__:<24} {publisher.history.acks:>9,} acknowledged")
            _until_moved(lambda: publisher.history.acks + publisher.history.unsure, lambda: publisher.done, world)
        settle(world)
        began = time.monotonic()
        _until_moved(lambda: _progress(world, id)[0], lambda: _progress(world, id)[1], world)
        say(f"all written {time.monotonic() - began:.0f} s after it was stored; {world.starts} starts of gateways")
        given = [
            (row["source"].encode(), row["id"].encode())
            for row in world.sql(
                f"select s.source, d.id from delivery d join source s on s.id = d.source"
                f" where d.subscription = '{id}' order by d.number"
            )
        ]
        seen = asyncio.run(_read(world.kafka.bootstrap, id))
    say(f"{len(given):,} given, {len(seen):,} records")
    return faults(given, seen, exactly_once=transactions != "off")


def faults(given: list[tuple[bytes, bytes]], seen: list[Seen], *, exactly_once: bool) -> list[str]:
    """What is wrong with these records, of events that were given in this order. Pure."""
    found = []
    if missing := set(range(1, len(given) + 1)) - {number for _, number, _ in seen}:
        found.append(f"{len(missing)} numbers are missing")
    if others := [number for _, number, identity in seen if given[number - 1] != identity]:
        found.append(f"{len(others)} records are of another event than their number says")
    if exactly_once and len(seen) != len({number for _, number, _ in seen}):
        found.append(f"{len(seen) - len({number for _, number, _ in seen})} records came again")
    last: dict[bytes | None, int] = {}
    known: set[int] = set()
    for key, number, _ in seen:
        if number not in known and number < last.get(key, 0):
            found.append("a pathway's events came first in the wrong order")
            break
        known.add(number)
        last[key] = max(last.get(key, 0), number)
    return found


async def _subscribed(world: World) -> UUID:
    connection = await asyncpg.connect(world.postgres.dsn)
    try:
        async with connection.transaction():
            id = await subscription_repository.create(connection, "agency-0", True, "KAFKA", "care", None, [])
            await topic_repository.create(connection, id, topic_name(id), "agency-0", 3, 24)
        return id
    finally:
        await connection.close()


def _progress(world: World, id: UUID) -> tuple[int, bool]:
    """Up to which number it is written, and whether that is all."""
    rows = world.sql(
        "select k.acked_through, k.acked_through = s.last_number and not exists (select from dispatch_held)"
        " and (select p.change_seq from dispatch_progress p where p.shard = s.shard)"
        " >= (select coalesce(max(seq), 0) from change_log) as is_all"
        f" from kafka_sink k join subscription s on s.id = k.subscription where s.id = '{id}'"
    )
    return (rows[0]["acked_through"], rows[0]["is_all"]) if rows else (0, False)


async def _read(bootstrap: str, id: UUID) -> list[Seen]:
    """By partition, in order."""
    async with AIOKafkaConsumer(
        topic_name(id),
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        group_id=None,
    ) as consumer:
        seen: list[Seen] = []
        quiet_since = time.monotonic()
        while time.monotonic() < quiet_since + 5:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    headers = dict(record.headers)
                    identity = headers["ce_source"], headers["ce_id"]
                    seen.append((record.key, int(headers["ce_number"]), identity))
                quiet_since = time.monotonic()
        return seen


def main(kills: int, events: int, seed: int, transactions: str) -> None:
    with tempfile.TemporaryDirectory(prefix="pathline-chaos-") as place:
        wrong = chaos(Path(place), kills, events, seed, max(200.0, events / (6.0 * kills)), transactions)
    for each in wrong:
        print(f"WRONG: {each}")
    if wrong:
        sys.exit(1)
    print("no gap in the topic, and nothing twice" if transactions == "on" else "no gap in the topic")


if __name__ == "__main__":
    main(
        int(sys.argv[1]),
        int(sys.argv[2]),
        int(sys.argv[3]) if len(sys.argv) > 3 else randbelow(2**32),
        sys.argv[4] if len(sys.argv) > 4 else "on",
    )
