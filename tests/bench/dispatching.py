"""How many events a second are dispatched, where subscriptions take everything: to one, to ten, and by two processes.

    PYTHONPATH=tests python -m bench.dispatching [--events N]

Postgres and the dispatchers share the machine, and nothing else runs. `us_of_processor` is what an event costs all
dispatchers: it stays where others use the machine, while the rates fall.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg
import orjson
import uvloop
from cyclopts import App
from rich.console import Console

from bench.events import event
from bench.machine import Machine, machine
from bench.topic import OWN_TOPIC
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_transaction import ApplyTarget, apply_batch
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.postgres.migrate import migrate
from pathline_gateway.postgres.partitions import ensure_partitions
from pathline_gateway.postgres.pool import open_pool
from pathline_gateway.streams.dispatch.dispatcher import Dispatcher
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS, shard_of
from support.gateways.shards import LeaderOfShards
from support.intake.history import Record, open_log

EVENTS: Final = 60_000
SUBSCRIPTIONS: Final = 10
_BATCH: Final = 1_000
_SUBSCRIBE = """
insert into subscription (id, org, is_operator, protocol, purpose, filters, start_seq)
select id, 'bench', true, 'PULL', 'care', '[]', 0 from unnest($1::uuid[]) as n(id)
"""
_IDS = "select id from (select gen_random_uuid() as id from generate_series(1, 200)) n"
app = App(name="bench.dispatching", help="Measures dispatch to subscriptions that take everything.")


class Run(NamedTuple):
    """One dispatcher's work."""

    seconds: float
    processor_s: float


@app.default
def main(*, events: int = EVENTS) -> None:
    """Shows the figures."""
    with tempfile.TemporaryDirectory(prefix="pathline-bench-") as folder:
        Console().print(uvloop.run(_alone(Path(folder), events)))


@app.command
def process(database: str, *shards: int) -> None:
    """One of several processes: it dispatches these shards, once it is told to."""
    uvloop.run(_process(database, shards))


async def _alone(folder: Path, events: int) -> dict[str, float]:
    async with machine("tansu", folder / "machine") as made:
        return await dispatching(made, events)


async def dispatching(made: Machine, events: int = EVENTS) -> dict[str, float]:
    """Events a second to one subscription and to ten that take everything, also by two processes; and ratios."""
    found: dict[str, float] = {}
    async with made.fresh_database("dispatching") as database, open_pool(database) as pool:
        async with pool.acquire() as connection:
            await _fill(connection, events)
        for name, count, splits in (
            ("one", 1, (ALL_SHARDS,)),
            ("ten", SUBSCRIPTIONS, (ALL_SHARDS,)),
            ("ten_by_two", SUBSCRIPTIONS, (ALL_SHARDS[::2], ALL_SHARDS[1::2])),
        ):
            async with pool.acquire() as connection:
                await _subscribe(connection, count)
            await made.settle()
            runs, seconds = await _timed(database, splits)
            async with pool.acquire() as connection:
                given = {row["last_number"] for row in await connection.fetch("select last_number from subscription")}
                assert given == {events}, "each has everything"
            found[f"dispatch_events_per_s_to_{name}"] = round(events / seconds)
            found[f"dispatch_us_of_processor_to_{name}"] = round(sum(run.processor_s for run in runs) * 1e6 / events, 1)
    to_one, to_ten = found["dispatch_events_per_s_to_one"], found["dispatch_events_per_s_to_ten"]
    found["dispatch_ratio_ten_to_one"] = round(to_ten / to_one, 2)
    found["dispatch_ratio_two_processes"] = round(found["dispatch_events_per_s_to_ten_by_two"] / to_ten, 2)
    return found


async def _timed(database: str, splits: Sequence[Sequence[int]]) -> tuple[list[Run], float]:
    """What each process took, and how long it was until the last was done."""
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.dispatching", "process", database, *map(str, shards)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for shards in splits
    ]
    for each in processes:
        assert each.stdout is not None
        assert await each.stdout.readline() == b"ready\n"
    began = time.monotonic()
    outputs = await asyncio.gather(*(each.communicate(b"begin\n") for each in processes))
    return [Run(*orjson.loads(output)) for output, _ in outputs], time.monotonic() - began


async def _process(database: str, shards: Sequence[int]) -> None:
    async with open_pool(database) as pool:
        dispatcher = Dispatcher(pool, lambda: datetime.now(UTC), auth_disabled=True, leadership=LeaderOfShards(shards))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        began, processor_began = time.monotonic(), time.process_time()
        while await dispatcher.dispatch_some():
            pass
        run = Run(time.monotonic() - began, time.process_time() - processor_began)
        print(orjson.dumps(list(run)).decode(), flush=True)


async def _fill(connection: asyncpg.Connection, events: int) -> None:
    """So many events are stored, as intake stores them."""
    await migrate(connection)
    await ensure_partitions(connection)
    await open_log(connection)
    target, at = ApplyTarget("bench", register_unknown=True), (OWN_TOPIC, 0)
    for begin in range(0, events, _BATCH):
        records = []
        for n in range(begin, min(begin + _BATCH, events)):
            sent = event(n, n % 1_999)
            records.append(Record(*at, n, 0, sent.key, sent.value, tuple(sent.headers)))
        await apply_batch(
            connection, target, Batch({at: [parse_record(each) for each in records]}, {at: begin}, {at: 1})
        )
    await connection.execute("analyze")


async def _subscribe(connection: asyncpg.Connection, count: int) -> None:
    """So many subscribe to everything from the beginning, in turns of the shards; nobody else does."""
    await connection.execute("delete from subscription")
    await connection.execute("update dispatch_progress set change_seq = 0")
    by_shard: dict[int, list[object]] = {shard: [] for shard in ALL_SHARDS}
    for row in await connection.fetch(_IDS):
        by_shard[shard_of(row["id"])].append(row["id"])
    await connection.execute(_SUBSCRIBE, [by_shard[n % len(ALL_SHARDS)][n // len(ALL_SHARDS)] for n in range(count)])


if __name__ == "__main__":
    app()
