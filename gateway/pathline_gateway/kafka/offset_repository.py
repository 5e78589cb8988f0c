"""Where intake stands in each partition, and in which log."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import asyncpg

Partition = tuple[str, int]
"""Topic and partition number."""

_INSERT = """
insert into consumer_position ("group", log_epoch, topic, partition, next_offset)
select $1, epoch, topic, partition, 0
from unnest($2::text[], $3::int[], $4::bigint[]) as p(topic, partition, epoch)
order by topic collate "C", partition
on conflict do nothing
"""
_LOCK = """
select c.topic, c.partition, c.next_offset from consumer_position c
join unnest($2::text[], $3::int[], $4::bigint[]) as p(topic, partition, epoch)
  on c.topic = p.topic and c.partition = p.partition and c.log_epoch = p.epoch
where c."group" = $1
order by c.topic, c.partition
for update of c
"""
_ADVANCE = """
update consumer_position as c
set next_offset = p.next_offset, last_digest = p.digest
from unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bytea[])
    as p(topic, partition, epoch, next_offset, digest)
where c."group" = $1 and c.log_epoch = p.epoch and c.topic = p.topic and c.partition = p.partition
"""
WHERE_LOGS = """
where "group" = $1 and log_epoch = case
    when topic = any($3::text[]) then ($4::bigint[])[array_position($3::text[], topic)] else $2 end
"""
"""Of this group, in these logs: the epoch of the cluster, the topics that have one of their own, and those."""
_SELECT_POSITIONS = "select topic, partition, next_offset, last_digest from consumer_position"
_READ = _SELECT_POSITIONS + WHERE_LOGS
_TOPIC_EPOCHS = "select topic, max(id) as id from log_epoch where topic is not null and id > $1 group by topic"
_OPEN_TOPIC_EPOCH = """
insert into log_epoch (cluster_id, topic, reason) select cluster_id, $2, $3 from log_epoch where id = $1 returning id
"""
_INSERT_EXPIRED = """
insert into expired_records ("group", log_epoch, topic, partition, from_offset, to_offset)
values ($1, $2, $3, $4, $5, $6) on conflict do nothing
"""
_SKIP_TO = """
update consumer_position set next_offset = $5, last_digest = null
where "group" = $1 and log_epoch = $2 and topic = $3 and partition = $4 and next_offset = $6
"""


class DigestedRecord(Protocol):
    """What of a record tells it from the one that a recreated topic has at the same offset."""

    @property
    def offset(self) -> int: ...

    @property
    def timestamp(self) -> int: ...

    @property
    def key(self) -> bytes | None: ...

    @property
    def value(self) -> bytes | None: ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass(frozen=True, slots=True)
class Position:
    """Where Postgres stands in one partition: the offset to read next, and the digest of the last record applied."""

    next_offset: int
    last_digest: bytes | None


@dataclass(frozen=True, slots=True)
class Epochs:
    """Which log each topic's records are of: the cluster's, or a later one of the topic alone."""

    cluster: int
    topics: Mapping[str, int]

    def for_topic(self, topic: str) -> int:
        """The epoch of this topic's log."""
        return self.topics.get(topic, self.cluster)


def record_digest(record: DigestedRecord) -> bytes:
    """16 bytes that tell this record from any other."""
    parts = (record.offset, record.timestamp, record.key, record.value, tuple(record.headers))
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


async def open_epoch(connection: asyncpg.Connection, cluster_id: str) -> int:
    """The epoch of this cluster's log: the newest one if it is of this cluster, else a new one."""
    async with connection.transaction():
        await connection.execute("lock table log_epoch in share row exclusive mode")
        newest = await connection.fetchrow(
            "select id, cluster_id from log_epoch where topic is null order by id desc limit 1"
        )
        if newest is not None and newest["cluster_id"] == cluster_id:
            return int(newest["id"])
        reason = "first start" if newest is None else "another cluster: the log was replaced"
        return int(
            await connection.fetchval(
                "insert into log_epoch (cluster_id, reason) values ($1, $2) returning id", cluster_id, reason
            )
        )


async def open_topic_epoch(connection: asyncpg.Connection, epochs: Epochs, topic: str, reason: str) -> int:
    """A new epoch for this topic's log, unless another process has opened one since `epochs` was read."""
    async with connection.transaction():
        await connection.execute("lock table log_epoch in share row exclusive mode")
        current_epoch = (await read_epochs(connection, epochs.cluster)).for_topic(topic)
        if current_epoch != epochs.for_topic(topic):
            return current_epoch
        return int(await connection.fetchval(_OPEN_TOPIC_EPOCH, epochs.cluster, topic, reason))


async def read_epochs(connection: asyncpg.Connection, cluster: int) -> Epochs:
    """The epochs of all topics, given the one of the cluster."""
    rows = await connection.fetch(_TOPIC_EPOCHS, cluster)
    return Epochs(cluster, {row["topic"]: row["id"] for row in rows})


async def lock(connection: asyncpg.Connection, group: str, partitions: Mapping[Partition, int]) -> dict[Partition, int]:
    """The next offset of each partition (given with its epoch), locked until the transaction ends.

    Rows are made where there are none, before they are locked, and locked in order, so that no two writers deadlock.
    """
    columns = _columns(partitions)
    rows = await connection.fetch(_LOCK, group, *columns)
    if len(rows) < len(partitions):
        await connection.execute(_INSERT, group, *columns)
        rows = await connection.fetch(_LOCK, group, *columns)
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def advance(
    connection: asyncpg.Connection,
    group: str,
    partitions: Mapping[Partition, int],
    next_positions: Mapping[Partition, tuple[int, bytes]],
) -> None:
    """Each partition's next offset, and the digest of the record before it, are these."""
    if next_positions:
        topics, numbers, epochs = _columns({p: partitions[p] for p in next_positions})
        offsets, digests = zip(*next_positions.values(), strict=True)
        await connection.execute(_ADVANCE, group, topics, numbers, epochs, offsets, digests)


async def read(connection: asyncpg.Connection, group: str, epochs: Epochs) -> dict[Partition, Position]:
    """Where every partition of these logs stands."""
    rows = await connection.fetch(_READ, group, epochs.cluster, list(epochs.topics), list(epochs.topics.values()))
    return {(r["topic"], r["partition"]): Position(r["next_offset"], r["last_digest"]) for r in rows}


async def skip_expired(
    connection: asyncpg.Connection, group: str, epoch: int, partition: Partition, lost_range: tuple[int, int]
) -> bool:
    """What the broker no longer has is skipped, and that is kept. False when somebody moved the position meanwhile."""
    next_offset, log_start = lost_range
    async with connection.transaction():
        await lock(connection, group, {partition: epoch})
        command_status = await connection.execute(_SKIP_TO, group, epoch, *partition, log_start, next_offset)
        if command_status == "UPDATE 0":
            return False
        if next_offset > 0:
            await connection.execute(_INSERT_EXPIRED, group, epoch, *partition, next_offset, log_start)
        return True


def _columns(partitions: Mapping[Partition, int]) -> tuple[list[str], list[int], list[int]]:
    return [p[0] for p in partitions], [p[1] for p in partitions], list(partitions.values())
