"""What is parked can be had again byte for byte, names of headers too, and is refused again for the same reason."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gateway.parked.database import Server
from gateway.parked.delivery import TOPIC, Log, Record
from pathline_gateway.intake import parked_repository
from pathline_gateway.intake.record import Parked
from pathline_gateway.intake.record_parser import parse_record
from support.examples import examples

names = st.binary(max_size=8).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
headers = st.lists(
    st.tuples(
        names | st.sampled_from(["ce_id", "ce_type", "content-type", "ce_\x00"]), st.none() | st.binary(max_size=8)
    ),
    max_size=4,
)


@examples(15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(headers, st.none() | st.binary(max_size=30), st.none() | st.binary(max_size=8)), max_size=12))
def test_a_parked_record_is_kept_as_it_came(postgres: Server, sent: list[Any]) -> None:
    async def run() -> None:
        async with postgres.emptied("bytes") as dsn:
            connection = await asyncpg.connect(dsn)
            records = [
                Record(n, value, names_and_values, TOPIC, 0, 1_772_442_000_123 + n, key)
                for n, (names_and_values, value, key) in enumerate(sent)
            ]
            if records:
                outcome = await Log().take(connection, 0, records)
                assert len(outcome.parked) == len(records)
            for row in await connection.fetch('select id, "offset" from parked'):
                kept, came = await parked_repository.read(connection, row["id"]), records[row["offset"]]
                assert kept is not None
                assert (kept.key, kept.value, list(kept.headers)) == (came.key, came.value, list(came.headers))
                assert (kept.topic, kept.offset, kept.timestamp) == (came.topic, came.offset, came.timestamp)
                before, now = parse_record(came), parse_record(kept)
                assert isinstance(before, Parked)
                assert isinstance(now, Parked)
                assert (before.reason, before.detail, before.field) == (now.reason, now.detail, now.field)
            await connection.close()

    asyncio.run(run())
