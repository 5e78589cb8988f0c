"""How long a link, and the link's end, take until a pull is led by them: on short pathways and on long ones."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import count

import asyncpg
import httpx
import orjson

from bench.events import ORG, SOURCE, Sent, event, subject
from bench.live import Live
from bench.topic import OWN_TOPIC, fill

SIZES = (100, 10_000)
"""Interactions of a pathway that is made of two halves."""
_TIMES = 15
_PAIRS = 4_000
_PERSONS = count(2 * 10**12)
"""Whom no other event is about."""
_ANSWER_S = 10
_JOINED = "select count(*) from membership where valid_until is null"

Pair = tuple[str, str]


async def merging(live: Live, sizes: Iterable[int], start: int) -> dict[str, object]:
    """Milliseconds from the door to the answer for each size, how much the largest takes more; merges a second.

    Events are numbered from `start`. "merge_growth" is the slowest size's median to the fastest's, of both ways.
    """
    pairs = {}
    for size in sizes:
        pairs[size] = await _halves(live, size, start)
        start += size
    merges, splits = await _joined_and_parted(live, pairs)
    found: dict[str, object] = {}
    for size in pairs:
        found |= {f"merge_ms_at_{size}": round(merges[size], 1), f"retract_ms_at_{size}": round(splits[size], 1)}
    growth = max(max(ways.values()) / min(ways.values()) for ways in (merges, splits))
    rates = await _rates(live, start)
    return {"merge_growth": round(growth, 2), **found, **rates}


async def _halves(live: Live, size: int, start: int) -> Pair:
    """Two persons, each with half of so many interactions; the one known longer first."""
    pair = next(_PERSONS), next(_PERSONS)
    before = await live.stored()
    for person in pair:
        await fill(live.kafka, OWN_TOPIC, (event(start + n, person) for n in range(size // 2)))
        before, start = before + size // 2, start + size // 2
        await live.until_stored(before)
    return subject(pair[0]), subject(pair[1])


async def _joined_and_parted(live: Live, pairs: Mapping[int, Pair]) -> tuple[dict[int, float], dict[int, float]]:
    """Median milliseconds until a search answers with the one pathway, and with two again; the sizes take turns."""
    merges, splits = defaultdict[int, list[float]](list), defaultdict[int, list[float]](list)
    async with httpx.AsyncClient(base_url=live.url, timeout=60) as http:
        for n in range(_TIMES):
            for size, (older, younger) in pairs.items():
                one, own = await _pathway(http, older), await _pathway(http, younger)
                merges[size].append(await _until(http, _linked((older, younger), n), younger, own))
                splits[size].append(await _until(http, _retracted((older, younger), n), younger, one))
    median = statistics.median
    return {s: median(ms) for s, ms in merges.items()}, {s: median(ms) for s, ms in splits.items()}


async def _until(http: httpx.AsyncClient, told: Sent, person: str, before: str) -> float:
    """Milliseconds from the publish until this person's pathway is another than before."""
    began = time.monotonic()
    answer = await http.post("/v1/events", content=told.value, headers=_headers(told))
    answer.raise_for_status()
    while await _pathway(http, person) == before:
        if time.monotonic() - began > _ANSWER_S:
            raise TimeoutError("a link was published, and no pathway changed")
    return (time.monotonic() - began) * 1e3


async def _pathway(http: httpx.AsyncClient, person: str) -> str:
    found = await http.post("/v1/pathways/search", json={"org": ORG, "subject": person})
    return str(found.raise_for_status().json()["pathway"])


async def _rates(live: Live, start: int) -> dict[str, int]:
    """Links and retractions of many small pathways, in a second, from Kafka to committed membership."""
    persons = [next(_PERSONS) for _ in range(2 * _PAIRS)]
    pairs = [(subject(a), subject(b)) for a, b in zip(persons[::2], persons[1::2], strict=True)]
    before = await live.stored()
    await fill(live.kafka, OWN_TOPIC, (event(start + n, person) for n, person in enumerate(persons)))
    await live.until_stored(before + len(persons))
    connection = await asyncpg.connect(live.database)
    try:
        joined = int(await connection.fetchval(_JOINED))
        found = {}
        for name, say, n in (("merges", _linked, joined + 2 * _PAIRS), ("retractions", _retracted, joined)):
            began = time.monotonic()
            await fill(live.kafka, OWN_TOPIC, (say(pair, 0) for pair in pairs))
            while await connection.fetchval(_JOINED) != n:
                await asyncio.sleep(0.02)
            found[f"{name}_per_s"] = round(_PAIRS / (time.monotonic() - began))
    finally:
        await connection.close()
    return found


def _linked(pair: Pair, n: int) -> Sent:
    same = [{"org": ORG, "subject": each} for each in pair]
    return _said("linked", f"{pair[0]}-{n}", pair[0], {"same": same, "method": "record-key", "confidence": 1.0})


def _retracted(pair: Pair, n: int) -> Sent:
    link = {"source": SOURCE, "id": f"linked-{pair[0]}-{n}"}
    return _said("retracted", f"{pair[0]}-{n}", pair[0], {"evidence": link, "reason": "mistaken"})


def _said(what: str, id: str, person: str, data: object) -> Sent:
    attributes = {
        "specversion": "1.0",
        "id": f"{what}-{id}",
        "source": SOURCE,
        "type": f"org.pathline.identity.{what}.v1",
        "subject": person,
        "time": "2026-03-02T08:00:00Z",
    }
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return Sent(person.encode(), [*headers, ("content-type", b"application/json")], orjson.dumps(data))


def _headers(told: Sent) -> dict[str, str]:
    return {name.replace("ce_", "ce-"): value.decode() for name, value in told.headers}
