"""Pulls a second over HTTP against a bare query of the same rows, at equal concurrency.

Each side has one client process with as many connections, and the two take turns. The HTTP client speaks just enough
HTTP to ask again on the same connection: a convenient client would cost more than the gateway.

    python -m bench.pull http URL SECONDS CLIENTS SUBJECT …
    python -m bench.pull query DATABASE SECONDS CLIENTS SUBJECT …
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from urllib.parse import urlsplit

import asyncpg
import httpx
import uvloop

from bench.events import ORG, event, subject
from bench.live import Live
from bench.topic import OWN_TOPIC, fill
from support.repository import TESTS

STEPS = (10, 50, 500)
CLIENTS = 8
_PATHWAYS = 20
PULLED_EVENTS = sum(STEPS) * _PATHWAYS
"""How many numbers of events it needs."""
_FIRST_PERSON = 10**12
"""Persons whom no other event is about: their pathways have as many steps as was asked, however large the store is."""
_ROWS = """
select i.* from interaction i join subject_ref s on s.id = i.ref where s.org = $1 and s.subject = $2 order by i.time
"""
"""All of a pathway of one subject, by the index that the gateway itself uses."""

Ask = Callable[[], Awaitable[None]]


async def pull(live: Live, seconds: float, rounds: int, start: int) -> dict[str, object]:
    """Requests a second and p99 for each length of pathway, and the ratio to the bare query at 50 steps."""
    found: dict[str, object] = {}
    for steps in STEPS:
        subjects = await _pathways(live, steps, start)
        start += steps * _PATHWAYS
        sides: dict[str, list[dict[str, float]]] = {"http": [], "query": []}
        for _ in range(rounds):
            for side, made in sides.items():
                made.append(await _measured(side, live, seconds, subjects))
        for side, made in sides.items():
            found[f"pull_{side}_{steps}"] = {k: round(statistics.median(m[k] for m in made), 2) for k in made[0]}
        ratios = [h["per_s"] / q["per_s"] for h, q in zip(sides["http"], sides["query"], strict=True)]
        found[f"pull_ratio_to_query_{steps}"] = round(statistics.median(ratios), 3)
    return {"pull_ratio_to_query": found["pull_ratio_to_query_50"], **found}


async def _pathways(live: Live, steps: int, start: int) -> list[str]:
    persons = [_FIRST_PERSON + start + n for n in range(_PATHWAYS)]
    before = await live.stored()
    made = [event(start + n, persons[n % _PATHWAYS]) for n in range(steps * _PATHWAYS)]
    await fill(live.kafka, OWN_TOPIC, made)
    await live.until_stored(before + len(made))
    return [subject(person) for person in persons]


async def _measured(side: str, live: Live, seconds: float, subjects: Sequence[str]) -> dict[str, float]:
    where = live.url if side == "http" else live.database
    command = (sys.executable, "-m", "bench.pull", side, where, str(seconds), str(CLIENTS), *subjects)
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
    answered, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the client of {side} ended with {process.returncode}")
    return dict(json.loads(answered))


# What the client processes do.


async def _client_of_http(url: str, subjects: Sequence[str]) -> Ask:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    async with httpx.AsyncClient(base_url=url) as http:
        found = [await http.post("/v1/pathways/search", json={"org": ORG, "subject": each}) for each in subjects]
    requests = cycle(
        f"GET /v1/pathways/{each.json()['pathway']} HTTP/1.1\r\nhost: {address.netloc}\r\n\r\n".encode()
        for each in found
    )

    async def ask() -> None:
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError("a pull was not answered with 200")
        length = head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0]
        await reader.readexactly(int(length))

    return ask


async def _client_of_query(database: str, subjects: Sequence[str]) -> Ask:
    connection = await asyncpg.connect(database)
    turn = cycle(subjects)

    async def ask() -> None:
        if not await connection.fetch(_ROWS, ORG, next(turn)):
            raise RuntimeError("the query found no rows")

    return ask


async def _asked(ask: Ask, until: float) -> list[float]:
    waits = []
    while (began := time.monotonic()) < until:
        await ask()
        waits.append(time.monotonic() - began)
    return waits


async def _main(side: str, where: str, seconds: str, clients: str, *subjects: str) -> None:
    make = _client_of_http if side == "http" else _client_of_query
    asks = [await make(where, subjects) for _ in range(int(clients))]
    await asyncio.gather(*(ask() for ask in asks))  # whatever is prepared once is prepared now
    waits = await asyncio.gather(*(_asked(ask, time.monotonic() + float(seconds)) for ask in asks))
    ordered = sorted(each for one in waits for each in one)
    print(json.dumps({"per_s": len(ordered) / float(seconds), "p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3}))


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
