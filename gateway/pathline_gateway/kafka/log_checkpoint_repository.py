"""Where each log was last seen to be the one that Postgres stands in."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from pathline_gateway.kafka.offset_repository import WHERE_LOGS, Epochs, Partition, Position

_SELECT_CHECKPOINTS = "select topic, partition, next_offset, last_digest from log_checkpoint"
_READ = _SELECT_CHECKPOINTS + WHERE_LOGS
_WRITE = """
insert into log_checkpoint ("group", log_epoch, topic, partition, next_offset, last_digest)
select $1, epoch, topic, partition, next_offset, digest
from unnest($2::bigint[], $3::text[], $4::int[], $5::bigint[], $6::bytea[])
    as p(epoch, topic, partition, next_offset, digest)
order by epoch, topic collate "C", partition
on conflict ("group", log_epoch, topic, partition)
    do update set next_offset = excluded.next_offset, last_digest = excluded.last_digest
"""


async def read(connection: asyncpg.Connection, group: str, epochs: Epochs) -> dict[Partition, Position]:
    """The last such place of every partition of these logs that has one."""
    rows = await connection.fetch(_READ, group, epochs.cluster, list(epochs.topics), list(epochs.topics.values()))
    return {(r["topic"], r["partition"]): Position(r["next_offset"], r["last_digest"]) for r in rows}


async def write(
    connection: asyncpg.Connection, group: str, checkpoints: Mapping[tuple[int, Partition], Position]
) -> None:
    """These logs, by epoch, were seen there. Each position has a digest."""
    if checkpoints:
        rows = [
            (epoch, *partition, position.next_offset, position.last_digest)
            for (epoch, partition), position in checkpoints.items()
        ]
        await connection.execute(_WRITE, group, *map(list, zip(*rows, strict=True)))
