"""The client processes of pulls: as many connections as clients, each asking again once it is answered.

The HTTP client speaks just enough HTTP to ask again on the same connection: a convenient client would cost more than
the gateway.

    python -m bench.pull_clients SIDE WHERE SECONDS CLIENTS SUBJECT …
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import cycle
from typing import TypeVar
from urllib.parse import urlsplit

import asyncpg
import httpx
import uvloop

from bench.events import ORG

_ROWS = """
select i.* from interaction i join subject_ref s on s.id = i.ref where s.org = $1 and s.subject = $2 order by i.time
"""
"""All of a pathway of one subject, by the index that the gateway itself uses."""

Item = TypeVar("Item")
Ask = Callable[[], Awaitable[None]]


async def _gateway_requests(url: str, subjects: Sequence[str], *, unchanged: bool) -> list[bytes]:
    requests = []
    async with httpx.AsyncClient(base_url=url) as http:
        for each in subjects:
            found = await http.post("/v1/pathways/search", json={"org": ORG, "subject": each})
            path = f"/v1/pathways/{found.json()['pathway']}"
            known = f"if-none-match: {(await http.get(path)).headers['etag']}\r\n" if unchanged else ""
            requests.append(f"GET {path} HTTP/1.1\r\nhost: {urlsplit(url).netloc}\r\n{known}\r\n".encode())
    return requests


async def _requests(side: str, url: str, subjects: Sequence[str]) -> list[bytes]:
    if side == "handler":
        host = urlsplit(url).netloc
        return [f"GET /pathways/{each} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode() for each in subjects]
    return await _gateway_requests(url, subjects, unchanged=side == "unchanged")


async def _http_client(url: str, requests: Iterator[bytes], status: int) -> Ask:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)

    async def ask() -> None:
        writer.write(next(requests))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 %d" % status):
            raise RuntimeError(f"a pull was not answered with {status}")
        if status != 304:
            await reader.readexactly(int(head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0]))

    return ask


async def _query_client(database: str, subjects: Iterator[str]) -> Ask:
    connection = await asyncpg.connect(database)

    async def ask() -> None:
        if not await connection.fetch(_ROWS, ORG, next(subjects)):
            raise RuntimeError("the query found no rows")

    return ask


async def _clients(side: str, where: str, subjects: Sequence[str], count: int) -> list[Ask]:
    """Each begins elsewhere: what one has asked for, no other asks for next."""
    places = [len(subjects) * n // count for n in range(count)]
    if side == "query":
        return [await _query_client(where, _cycled(subjects, place)) for place in places]
    requests = await _requests(side, where, subjects)
    status = 304 if side == "unchanged" else 200
    return [await _http_client(where, _cycled(requests, place), status) for place in places]


def _cycled(items: Sequence[Item], place: int) -> Iterator[Item]:
    return cycle([*items[place:], *items[:place]])


async def _asked(ask: Ask, until: float) -> list[float]:
    waits = []
    while (began := time.monotonic()) < until:
        await ask()
        waits.append(time.monotonic() - began)
    return waits


async def _main(side: str, where: str, seconds: str, clients: str, *subjects: str) -> None:
    asks = await _clients(side, where, subjects, int(clients))
    await asyncio.gather(*(ask() for ask in asks))  # whatever is prepared once is prepared now
    waits = await asyncio.gather(*(_asked(ask, time.monotonic() + float(seconds)) for ask in asks))
    ordered = sorted(each for one in waits for each in one)
    print(json.dumps({"per_s": len(ordered) / float(seconds), "p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3}))


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
