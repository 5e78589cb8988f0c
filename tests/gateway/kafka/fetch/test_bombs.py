"""Records of a kilobyte to two gigabytes, in little: memory stays, all others are served, and each is accounted for."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import asyncpg
import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from gateway.kafka.fetch.batches import BatchRecord, Codec, batch, framed, produce
from support.gateways.process import Gateway
from support.intake.deliveries import PublishedEvent, encoded

MB = 1_000_000
SIZES: dict[Codec, list[int]] = {
    "none": [1_000, 500_000],
    "gzip": [1_000, MB, 30 * MB, 1_000 * MB],
    "snappy": [1_000, MB, 20 * MB],
    "xerial": [1_000, MB, 20 * MB],
    "lz4": [1_000, MB, 60 * MB, 250 * MB],
    "zstd": [1_000, MB, 60 * MB, 1_100 * MB, 2_000 * MB],
}
"""The largest of each codec that a megabyte holds, which is what Apache Kafka takes."""
MOST_MORE = 160 * MB
"""Memory for eight megabytes of a poll in three batches, what was fetched, and what the codecs need."""
PARTITIONS = 3


@dataclass
class Sent:
    """What stands in the log: events by partition and offset, and offsets that hold something else."""

    events: dict[tuple[int, int], int] = field(default_factory=dict)
    others: dict[tuple[int, int], int] = field(default_factory=dict)
    """How large each is."""


class Slowest:
    """The longest that a gateway let somebody wait who asked nothing of it."""

    def __init__(self, gateway: Gateway) -> None:
        self._url, self._ended, self.seconds = f"http://127.0.0.1:{gateway.port}/healthz", Event(), 0.0
        self._thread = Thread(target=self._ask)

    def __enter__(self) -> Slowest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        with httpx.Client(timeout=60) as http:
            while not self._ended.is_set():
                began = time.monotonic()
                http.get(self._url)
                self.seconds = max(self.seconds, time.monotonic() - began)


@pytest.fixture
def gateway(tmp_path: Path, bootstrap: str, database: str) -> Iterator[Gateway]:
    group = f"bombs-{secrets.token_hex(4)}"
    told = {"PATHLINE_KAFKA": bootstrap, "PATHLINE_DATABASE": database, "PATHLINE_GROUP": group}
    started = Gateway(tmp_path / "data", told, embedded=False)
    yield started
    started.stop()


def event(org: str, n: int) -> BatchRecord:
    headers, value = encoded(PublishedEvent("step", org, n, n % 3, 0))
    return BatchRecord(value, [(name.encode(), said) for name, said in headers])


@pytest.mark.long
async def test_no_record_is_too_large_for_the_others(gateway: Gateway, bootstrap: str, database: str) -> None:
    bomber, neighbour = f"bomber-{secrets.token_hex(3)}", f"neighbour-{secrets.token_hex(3)}"
    await make(bootstrap, bomber, neighbour)
    await send(bootstrap, neighbour, [[event(neighbour, 0)]])
    gateway.settled()
    before = peak(gateway)
    with Slowest(gateway) as slowest:
        sent = await bombs(bootstrap, bomber)
        await send(bootstrap, neighbour, [[event(neighbour, n)] for n in range(1, 20)])
        gateway.settled()
        await applied(database, neighbour, set(range(20)))
        await read_to_the_end(database, bomber, sent)
    assert peak(gateway) - before < MOST_MORE
    assert slowest.seconds < 3.0
    rows = await accounted(database, bomber, sent)
    shown(gateway, rows)
    gateway.kill()
    gateway.start()
    await send(bootstrap, neighbour, [[event(neighbour, 20)]])
    await applied(database, neighbour, set(range(21)))
    gateway.settled()
    assert await accounted(database, bomber, sent) == rows


async def make(bootstrap: str, *orgs: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(f"pathline.in.{org}", PARTITIONS, 1) for org in orgs])
    await admin.close()


async def send(bootstrap: str, org: str, batches: list[list[BatchRecord]], codec: Codec = "none") -> None:
    for records in batches:
        await produce(bootstrap, f"pathline.in.{org}", batch(records, codec))


async def bombs(bootstrap: str, org: str) -> Sent:
    """In each batch an event before and one after it; partitions in turn, so that several are met at once."""
    sent = Sent()
    n = 0
    for codec, sizes in SIZES.items():
        for size in sizes:
            raw = batch([event(org, n), BatchRecord(b"{", zeros=size), event(org, n + 1)], codec)
            assert len(raw) < 1_048_588
            partition = n // 2 % PARTITIONS
            offset = await produce(bootstrap, f"pathline.in.{org}", raw, partition)
            sent.events |= {(partition, offset): n, (partition, offset + 2): n + 1}
            sent.others[partition, offset + 1] = size + 1
            n += 2
    return sent


async def ask(database: str, query: str, *given: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database)
    try:
        return list(await connection.fetch(query, *given))
    finally:
        await connection.close()


async def stored(database: str, org: str) -> set[int]:
    query = "select i.id from interaction i join source s on s.id = i.source where s.org = $1"
    return {int(row["id"]) for row in await ask(database, query, org)}


async def applied(database: str, org: str, ids: set[int]) -> None:
    async with asyncio.timeout(60):
        while not ids <= await stored(database, org):
            await asyncio.sleep(0.05)


async def read_to_the_end(database: str, org: str, sent: Sent) -> None:
    """How far there is to read is known only once the broker was asked again, so no lag is not enough."""
    ends: dict[int, int] = {}
    for partition, offset in sent.events:
        ends[partition] = max(offset + 1, ends.get(partition, 0))
    query = 'select "partition", next_offset from consumer_position where topic = $1'
    async with asyncio.timeout(60):
        while True:
            found = {row["partition"]: row["next_offset"] for row in await ask(database, query, f"pathline.in.{org}")}
            if all(found.get(partition, 0) >= end for partition, end in ends.items()):
                return
            await asyncio.sleep(0.05)


async def accounted(database: str, org: str, sent: Sent) -> list[asyncpg.Record]:
    """Every offset is stored or parked, once; what is parked of the large ones."""
    rows = await ask(database, "select * from parked where topic = $1 order by id", f"pathline.in.{org}")
    parked = [(r["partition"], n) for r in rows for n in range(r["offset"], (r["last_offset"] or r["offset"]) + 1)]
    assert len(parked) == len(set(parked))
    known = await stored(database, org)
    assert known == {n for at, n in sent.events.items() if at not in parked}
    assert set(sent.others) <= set(parked)
    # Before a large record all are read; behind it nearly all.
    assert {(p, at - 1) for p, at in sent.others}.isdisjoint(parked)
    assert len(parked) - len(sent.others) <= 5
    for row in rows:
        check(row, sent.others[row["partition"], row["offset"]])
    return rows


def check(row: asyncpg.Record, size: int) -> None:
    whole = sum(map(len, (row["value"] or b"", *(v or b"" for v in row["header_values"]))))
    assert whole <= MB
    if row["stored_extent"] == "whole":
        assert size <= MB
        assert len(row["value"]) == size
    elif row["stored_extent"] == "cut":
        digest = hashlib.sha256(b"{")
        for start in range(1, size, MB):
            digest.update(bytes(min(MB, size - start)))
        assert (row["value_size"], row["sha256"]) == (size, digest.digest())
        assert row["reason"] == "too-large"
    else:
        assert (row["reason"], row["value"], row["header_values"]) == ("too-large", None, [])
        assert size > 60 * MB
        assert size <= row["size"] < size + 100


def shown(gateway: Gateway, rows: list[asyncpg.Record]) -> None:
    """What is not whole says so, to whoever asks; and nothing reads it again."""
    listed = gateway.http.get("/v1/parked?limit=1000").json()["records"]
    assert {r["id"]: r["kept"] for r in listed} == {r["id"]: r["stored_extent"] for r in rows}
    some = [r for r in listed if r["kept"] != "whole"]
    assert {r["kept"] for r in some} == {"cut", "position"}
    for record in some:
        one = gateway.http.get(f"/v1/parked/{record['id']}").json()
        assert (one["kept"], one["size"], one["sha256"]) == (record["kept"], record["size"], record["sha256"])
        assert one["bytes"] == record["bytes"]
    answer = gateway.http.post("/v1/parked/replay", json={"ids": [r["id"] for r in some]}).json()
    assert {r["reason"] for r in answer["results"]} == {"not-kept-whole"}
    assert {r["outcome"] for r in answer["results"]} == {"still-parked"}
    page = gateway.http.get("/console/parked").text
    assert "its beginning is kept" in page
    assert "only its place is kept" in page


def peak(gateway: Gateway) -> int:
    """Bytes that its process had in memory at most."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


@pytest.mark.parametrize("bootstrap", ["tansu"], indirect=True)
async def test_what_is_no_batch_stops_nobody(gateway: Gateway, bootstrap: str, database: str) -> None:
    """Apache Kafka takes none of these."""
    org = f"clinic-{secrets.token_hex(3)}"
    await make(bootstrap, org)
    taken = 0
    for n, raw in enumerate(broken(org)):
        with suppress(KafkaError):
            await produce(bootstrap, f"pathline.in.{org}", raw)
            taken += 1
        await send(bootstrap, org, [[event(org, n)]])
    assert taken >= 4
    await applied(database, org, set(range(len(broken(org)))))
    gateway.settled()
    rows = await ask(database, "select * from parked where topic = $1", f"pathline.in.{org}")
    assert {row["stored_extent"] for row in rows} == {"position"}
    assert {row["reason"] for row in rows} == {"unreadable-batch"}


def broken(org: str) -> list[bytes]:
    good = batch([event(org, 1_000), event(org, 1_001)], "gzip")
    body = good[61:]
    mismatched = bytearray(good)
    mismatched[17] ^= 0xFF
    return [
        bytes(mismatched),
        framed(body[:-20], "gzip", 0, 2, 1),
        framed(b"nothing", "lz4", 0, 2, 1),
        framed(b"nothing", "zstd", 0, 2, 1),
        framed(b"nothing", "snappy", 0, 2, 1),
        framed(b"\xff" * 30, "none", 0, 2, 1),
        framed(body, "none", 0, 2, 1),
    ]
