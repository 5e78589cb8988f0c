"""Where in the change log an instant is, though it has no index by time and is not quite in its order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pathline_gateway.embedded import Machine
from pathline_gateway.streams.dispatch.replay_repository import find_entry_before
from support.examples import examples
from support.postgres.fresh_database import fresh_database

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
_ENTRY = """
insert into change_log (seq, ref, batch, kind, logged_at) overriding system value
values ($1, 1, 1, 'interaction', $2)
"""
# How far on from the one before, how many minutes passed until it was stored, and how many that took.
LOG = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 40), st.integers(0, 60)), min_size=5, max_size=25)


@pytest.fixture
async def connection(machine: Machine) -> AsyncIterator[asyncpg.Connection]:
    connected = await asyncpg.connect(await fresh_database(machine))
    yield connected
    await connected.close()


@examples(150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=LOG, nth=st.integers(0, 24), beside=st.integers(-1, 1))
async def test_nothing_that_was_stored_since_is_left_out(
    connection: asyncpg.Connection, log: list[tuple[int, int, int]], nth: int, beside: int
) -> None:
    entries, seq, now = [], 0, 0
    for on, passed, took in log:
        seq, now = seq + on, now + passed
        entries.append((seq, BEGAN + timedelta(minutes=now - took)))
    await connection.execute("truncate change_log")
    await connection.executemany(_ENTRY, entries)
    at = entries[nth % len(entries)][1] + timedelta(minutes=beside)
    found = await find_entry_before(connection, at)
    assert [e for e in entries if e[0] <= found and e[1] >= at] == []
    # And no more than must be: what was stored next is of then, if anything is.
    assert all(e[1] >= at for e in entries if e[0] == found + 1)
    assert found <= seq
