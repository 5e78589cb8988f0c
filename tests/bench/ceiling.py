"""The ceiling: what the same parts do with no gateway around them.

A bare aiokafka `getmany`, the payload held against the model of its type, and one statement a batch that inserts,
counts and keeps the positions. No pathway, no parked record, no change log, no digest: a bad record ends it.

    python -m bench.ceiling KAFKA DATABASE TOPIC GROUP BATCH
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer

from pathline.vocabulary import TYPES

_SCHEMA = """
create table event (
    source text collate "C", id text collate "C", type text not null, subject text not null, time timestamptz not null,
    recordedtime timestamptz, payload bytea not null, primary key (source, id));
create index event_of_subject on event (subject, time);
create table position (topic text, partition int, next_offset bigint not null, primary key (topic, partition));
create table counted (n bigint not null);
insert into counted values (0);
"""
_STORE = """
with fresh as (
    insert into event (source, id, type, subject, time, recordedtime, payload)
    select * from unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::bytea[])
    on conflict do nothing returning 1
), moved as (
    insert into position select * from unnest($8::text[], $9::int[], $10::bigint[])
    on conflict (topic, partition) do update set next_offset = excluded.next_offset
)
update counted set n = n + (select count(*) from fresh)
"""

Row = tuple[str, str, str, str, datetime, datetime, bytes]


def row(record: Any) -> Row:
    """The record decoded and validated. Raises where the contract is not kept."""
    headers = {name: value.decode() for name, value in record.headers}
    TYPES[headers["ce_type"]].model_validate_json(record.value)
    return (
        headers["ce_source"],
        headers["ce_id"],
        headers["ce_type"],
        headers["ce_subject"],
        datetime.fromisoformat(headers["ce_time"]),
        datetime.fromisoformat(headers["ce_recordedtime"]),
        record.value,
    )


async def consume(kafka: str, database: str, topic: str, group: str, batch: int) -> None:
    """Reads, stores, and reads again, until it is killed."""
    connection = await asyncpg.connect(database)
    await connection.execute(_SCHEMA)
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    while True:
        found = await consumer.getmany(timeout_ms=20, max_records=batch)
        if not found:
            continue
        rows = [row(record) for records in found.values() for record in records]
        positions = zip(
            *((tp.topic, tp.partition, records[-1].offset + 1) for tp, records in found.items()), strict=True
        )
        await connection.execute(_STORE, *map(list, zip(*rows, strict=True)), *map(list, positions))


if __name__ == "__main__":
    kafka, database, topic, group, batch = sys.argv[1:]
    uvloop.run(consume(kafka, database, topic, group, int(batch)))
