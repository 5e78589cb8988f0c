"""Where intake stands in each partition, and in which log."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import asyncpg

Partition = tuple[str, int]
"""Topic and partition number."""

_INSERT = """
insert into consumer_position ("group", log_epoch, topic, partition, next_offset)
select $1, $2, topic, partition, 0
from unnest($3::text[], $4::int[]) as p(topic, partition)
order by topic collate "C", partition
on conflict do nothing
"""
_LOCK = """
select topic, partition, next_offset from consumer_position
where "group" = $1 and log_epoch = $2
  and (topic, partition) in (select * from unnest($3::text[], $4::int[]))
order by topic, partition
for update
"""
_ADVANCE = """
update consumer_position as c
set next_offset = p.next_offset, last_digest = p.digest
from unnest($3::text[], $4::int[], $5::bigint[], $6::bytea[]) as p(topic, partition, next_offset, digest)
where c."group" = $1 and c.log_epoch = $2 and c.topic = p.topic and c.partition = p.partition
"""
_READ = 'select topic, partition, next_offset from consumer_position where "group" = $1 and log_epoch = $2'


class Kept(Protocol):
    """What of a record tells it from the one that a recreated topic has at the same offset."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


def record_digest(record: Kept) -> bytes:
    """16 bytes that tell this record from any other."""
    parts = (record.offset, record.timestamp, record.key, record.value, tuple(record.headers))
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


async def open_epoch(connection: asyncpg.Connection, cluster_id: str) -> int:
    """The epoch of this cluster's log: the newest one if it is of this cluster, else a new one."""
    async with connection.transaction():
        await connection.execute("lock table log_epoch in share row exclusive mode")
        newest = await connection.fetchrow("select id, cluster_id from log_epoch order by id desc limit 1")
        if newest is not None and newest["cluster_id"] == cluster_id:
            return int(newest["id"])
        reason = "first start" if newest is None else "another cluster: the log was replaced"
        return int(
            await connection.fetchval(
                "insert into log_epoch (cluster_id, reason) values ($1, $2) returning id", cluster_id, reason
            )
        )


async def lock(
    connection: asyncpg.Connection, group: str, epoch: int, partitions: Collection[Partition]
) -> dict[Partition, int]:
    """The next offset of each partition, locked until the transaction ends; rows are made where there are none."""
    topics, numbers = [p[0] for p in partitions], [p[1] for p in partitions]
    rows = await connection.fetch(_LOCK, group, epoch, topics, numbers)
    if len(rows) < len(topics):
        await connection.execute(_INSERT, group, epoch, topics, numbers)
        rows = await connection.fetch(_LOCK, group, epoch, topics, numbers)
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def advance(
    connection: asyncpg.Connection, group: str, epoch: int, to: Mapping[Partition, tuple[int, bytes]]
) -> None:
    """Each partition's next offset, and the digest of the record before it, are these."""
    await connection.execute(
        _ADVANCE,
        group,
        epoch,
        [topic for topic, _ in to],
        [partition for _, partition in to],
        [offset for offset, _ in to.values()],
        [digest for _, digest in to.values()],
    )


async def read(connection: asyncpg.Connection, group: str, epoch: int) -> dict[Partition, int]:
    """The next offset of every partition of this log."""
    rows = await connection.fetch(_READ, group, epoch)
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
