"""Events a second through the HTTP door, in batches of a hundred."""

from __future__ import annotations

import asyncio
import time

import httpx
import orjson

from bench.events import event
from bench.live import Live

BATCH = 100
_CLIENTS = 4
_TYPE = {"content-type": "application/cloudevents-batch+json"}


async def door(live: Live, batches: int, start: int) -> int:
    """Events a second that the door answered with 202. Raises when any event was refused."""
    bodies = [_body(start + n * BATCH) for n in range(batches)]
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=live.url, timeout=60) as http:
        await asyncio.gather(*(_client(http, bodies[n::_CLIENTS]) for n in range(_CLIENTS)))
    return round(batches * BATCH / (time.monotonic() - began))


async def _client(http: httpx.AsyncClient, bodies: list[bytes]) -> None:
    for body in bodies:
        answer = await http.post("/v1/events", content=body, headers=_TYPE)
        if answer.status_code != 202 or answer.json()["accepted"] != BATCH:
            raise RuntimeError(f"the door answered {answer.status_code}: {answer.text[:300]}")


def _body(start: int) -> bytes:
    return orjson.dumps([_structured(n) for n in range(start, start + BATCH)])


def _structured(n: int) -> dict[str, object]:
    sent = event(n, n // 15)
    attributes = {name.removeprefix("ce_"): value.decode() for name, value in sent.headers if name.startswith("ce_")}
    return {**attributes, "data": orjson.loads(sent.value)}
