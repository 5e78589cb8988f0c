"""Pulls a second over HTTP: against a bare query of the same rows, against a plain handler, and against each other.

All sides have one client process with as many connections, and take turns. `http` reads the steps each time: there are
more pathways than the gateway of the benchmark keeps bodies of. `kept` asks for a few again and again; `unchanged` has
what it asks for; with `months` the store has partitions of seven years before.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import httpx

from bench.events import Sent, event, subject
from bench.gateway_process import free_port
from bench.live import Live
from bench.pull_handler import store
from bench.topic import OWN_TOPIC, fill
from support.repository import TESTS

PATHWAYS = {10: 240, 50: 64, 500: 16}
"""How many pathways there are of each length: more bodies than are kept."""
CLIENTS = 8
_KEPT_PATHWAYS = 8
PULLED_EVENTS = sum(steps * n for steps, n in PATHWAYS.items())
"""How many numbers of events it needs."""
_FIRST_PERSON = 10**12
"""Persons whom no other event is about: their pathways have as many steps as was asked, however large the store is."""
_YEARS_BEFORE = 7
_OTHER_SIDES = {"query": "pull_ratio_to_query", "handler": "pull_ratio_to_handler"}


async def pull(live: Live, seconds: float, rounds: int, start: int) -> dict[str, object]:
    """Requests a second and p99 of each side for each length of pathway; the ratios are those at 50 steps."""
    found: dict[str, object] = {}
    for steps, pathways in PATHWAYS.items():
        events = _events(steps, pathways, start)
        start += steps * pathways
        subjects = await _store(live, events)
        sides = ("http", "query", "handler", "kept", "unchanged", *(("months",) if steps == 50 else ()))
        made: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        async with _handler(live.database) as handler:
            where = dict.fromkeys(sides, live.url) | {"query": live.database, "handler": handler}
            for _ in range(rounds):
                for side in sides:
                    asked = subjects[:_KEPT_PATHWAYS] if side == "kept" else subjects
                    async with _years_before(live.database, 0 if side != "months" else _YEARS_BEFORE):
                        made[side].append(await _measured(side, where[side], seconds, asked))
        for side, runs in made.items():
            found[f"pull_{side}_{steps}"] = {k: round(statistics.median(run[k] for run in runs), 2) for k in runs[0]}
        for side, name in _OTHER_SIDES.items():
            found[f"{name}_{steps}"] = _ratio(made["http"], made[side])
        found[f"pull_ratio_kept_{steps}"] = _ratio(made["kept"], made["query"])
        found[f"pull_ratio_304_{steps}"] = _ratio(made["unchanged"], made["http"])
        if "months" in made:
            found["pull_ratio_months"] = _ratio(made["months"], made["http"])
    names = (*_OTHER_SIDES.values(), "pull_ratio_kept", "pull_ratio_304")
    return {**{name: found[f"{name}_50"] for name in names}, **found}


def _ratio(of: Sequence[dict[str, float]], to: Sequence[dict[str, float]]) -> float:
    return round(statistics.median(a["per_s"] / b["per_s"] for a, b in zip(of, to, strict=True)), 3)


def _events(steps: int, pathways: int, start: int) -> list[tuple[int, Sent]]:
    persons = [_FIRST_PERSON + start + n for n in range(pathways)]
    return [(persons[n % pathways], event(start + n, persons[n % pathways])) for n in range(steps * pathways)]


async def _store(live: Live, events: Sequence[tuple[int, Sent]]) -> list[str]:
    """Both have them; the subjects that they are about."""
    before = await live.stored()
    await fill(live.kafka, OWN_TOPIC, [each for _, each in events])
    await live.until_stored(before + len(events))
    connection = await asyncpg.connect(live.database)
    try:
        await store(connection, (each for _, each in events))
    finally:
        await connection.close()
    return [subject(person) for person in dict.fromkeys(person for person, _ in events)]


@asynccontextmanager
async def _handler(database: str) -> AsyncIterator[str]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.pull_handler", str(port), database), env=_environment()
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url) as http, asyncio.timeout(30):
            while not await _answers(http):
                await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/pathways/none")).status_code == 200
    except httpx.TransportError:
        return False


@asynccontextmanager
async def _years_before(database: str, count: int) -> AsyncIterator[None]:
    """So many years before this have partitions, while the block lasts."""
    years = range(datetime.now(UTC).year - count, datetime.now(UTC).year)
    connection = await asyncpg.connect(database)
    try:
        for year in years:
            await connection.execute("select make_interaction_partition($1)", year)
        yield
        for year in years:
            await connection.execute(f"drop table interaction_{year}")
    finally:
        await connection.close()


async def _measured(side: str, where: str, seconds: float, subjects: Sequence[str]) -> dict[str, float]:
    command = (sys.executable, "-m", "bench.pull_clients", side, where, str(seconds), str(CLIENTS), *subjects)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=_environment())
    answered, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the client of {side} ended with {process.returncode}")
    return dict(json.loads(answered))


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(TESTS)}
