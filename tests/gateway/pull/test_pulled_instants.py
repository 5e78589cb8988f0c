"""Instants as Postgres writes them are served as every instant is, and keep their order."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import orjson

from pathline import instant
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.stored_form import render_payload
from pathline_gateway.pull.json_writer import write_pathway
from support.intake.history import Partition, open_log, step

INSTANTS = [
    datetime(1, 1, 3, tzinfo=UTC),
    datetime(999, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_990, UTC),
    *(datetime(2026, 3, 1, 9, 30, 7, microsecond, UTC) for microsecond in (0, 1, 9, 10, 99_999, 100_000, 120_000)),
    datetime(2026, 3, 1, 9, 30, 8, tzinfo=UTC),
    datetime(9999, 12, 29, 23, 59, 59, 999_999, UTC),
]


async def test_instants_are_written_and_read_as_they_are(connection: asyncpg.Connection) -> None:
    await open_log(connection)
    await Partition().apply(connection, *(step("east", str(n)) for n in range(len(INSTANTS))))
    for n, at in enumerate(reversed(INSTANTS)):
        attributes = orjson.dumps({"recordedtime": instant.to_text(at)})
        payload = render_payload(at, None, attributes, b"{}")
        await connection.execute("update interaction set time = $1, payload = $3 where id = $2", at, str(n), payload)
    # What is told does not hang on how a session writes instants.
    await connection.execute("set time zone 'Australia/Melbourne'; set datestyle = 'SQL, DMY'")
    pathway = await connection.fetchval("select anchor_id from subject_ref")
    members, stored = await pathway_repository.load_pathway(connection, pathway)
    assert isinstance(members, pathway_repository.PathwayMembers)
    assert [(each.time, each.recordedtime) for each in stored.steps()] == [(at, at) for at in INSTANTS]
    told = orjson.loads(write_pathway(members, "version", stored, b"[]"))["steps"]
    assert [(each["time"], each["recordedtime"]) for each in told] == [(instant.to_text(at),) * 2 for at in INSTANTS]
