# /// script
# requires-python = ">=3.11"
# dependencies = ["quixstreams[postgresql]==3.28.1", "pathline"]
#
# [tool.uv.sources]
# pathline = { path = "../../contracts", editable = true }
# ///
"""The peer: quixstreams with its PostgreSQL sink, validated with the same models.

A script with a lock file of its own, because quixstreams wants an older pydantic and an older confluent-kafka than the
rest of the workspace. A checkpoint, and so a batch of its sink, is made after as many records as the others' batches.

    uv run --script tests/bench/quixstreams_peer.py KAFKA DATABASE TOPIC GROUP BATCH
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg2
from quixstreams import Application
from quixstreams.sinks.community.postgresql import PostgreSQLSink

from pathline.vocabulary import TYPES

_SCHEMA = """
create table event (
    source text, id text, type text not null, subject text not null, time timestamptz not null, payload text not null,
    primary key (source, id));
create index event_of_subject on event (subject, time);
"""


def row(value: bytes, key: object, timestamp: int, headers: list[tuple[str, bytes]]) -> dict[str, Any]:
    """The record decoded and validated, as the sink wants it."""
    attributes = {name: text.decode() for name, text in headers}
    TYPES[attributes["ce_type"]].model_validate_json(value)
    return {
        "source": attributes["ce_source"],
        "id": attributes["ce_id"],
        "type": attributes["ce_type"],
        "subject": attributes["ce_subject"],
        "time": datetime.fromisoformat(attributes["ce_time"]),
        "payload": value.decode(),
    }


def main(kafka: str, database: str, topic: str, group: str, batch: str) -> None:
    """Reads and stores until it is killed."""
    address = urlsplit(database)
    where = {
        "host": parse_qs(address.query)["host"][0] if address.query else address.hostname,
        "port": address.port or 5432,
        "dbname": address.path[1:],
        "user": address.username,
        "password": address.password or "",
    }
    with psycopg2.connect(**where) as connection, connection.cursor() as cursor:
        cursor.execute(_SCHEMA)
    app = Application(
        broker_address=kafka,
        consumer_group=group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        commit_every=int(batch),
        loglevel="WARNING",
    )
    frame = app.dataframe(app.topic(topic, value_deserializer="bytes"))
    frame = frame.apply(row, metadata=True)
    frame.sink(
        PostgreSQLSink(
            **where,
            table_name="event",
            schema_auto_update=False,
            on_conflict_do_nothing=True,
            include_metadata=False,
        )
    )
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
