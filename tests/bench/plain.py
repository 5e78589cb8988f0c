"""The plain way: a FastStream handler for each event with an asyncpg pool, as its documentation shows.

python -m bench.plain KAFKA DATABASE TOPIC GROUP BATCH          BATCH is not used: there are no batches
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
import uvloop
from faststream import ContextRepo, FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage

from pathline.vocabulary import TYPES

_SCHEMA = """
create table event (
    source text, id text, type text not null, subject text not null, time timestamptz not null, payload jsonb not null,
    primary key (source, id));
create index event_of_subject on event (subject, time);
"""
_STORE = "insert into event values ($1, $2, $3, $4, $5, $6) on conflict do nothing"


def application(kafka: str, database: str, topic: str, group: str) -> FastStream:
    """An application that stores each event as it comes."""
    broker = KafkaBroker(kafka, logger=None)

    @asynccontextmanager
    async def lifespan(context: ContextRepo) -> AsyncIterator[None]:
        async with asyncpg.create_pool(database, min_size=1, max_size=10) as pool:
            await pool.execute(_SCHEMA)
            context.set_global("pool", pool)
            yield

    app = FastStream(broker, lifespan=lifespan, logger=None)

    @broker.subscriber(topic, group_id=group, auto_offset_reset="earliest")
    async def store(message: KafkaMessage) -> None:
        headers = message.headers
        TYPES[headers["ce_type"]].model_validate_json(message.body)
        time = datetime.fromisoformat(headers["ce_time"])
        await app.context.get("pool").execute(
            _STORE,
            headers["ce_source"],
            headers["ce_id"],
            headers["ce_type"],
            headers["ce_subject"],
            time,
            message.body.decode(),
        )

    return app


if __name__ == "__main__":
    uvloop.run(application(*sys.argv[1:5]).run())
