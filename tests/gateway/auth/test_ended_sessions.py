"""A session is over once somebody signed out of it, in every process, and stays over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.auth import ended_session_repository
from pathline_gateway.auth.ended_sessions import Sessions
from pathline_gateway.auth.session import LEEWAY_S, Session
from pathline_gateway.background.health import Health
from pathline_gateway.background.supervisor import supervised
from support.postgres.databases import Databases

NOW = 1_772_000_000


def session(token: str = "a", sid: str | None = None, issued: int = NOW, seconds: int = 600) -> Session:
    claims: dict[str, Any] = {"iss": "https://issuer.example", "iat": issued, "exp": issued + seconds}
    return Session.from_claims(token, claims if sid is None else {**claims, "sid": sid})


def ended(*sessions: Session, at: float = NOW + 10) -> dict[bytes, datetime]:
    return {key: datetime.fromtimestamp(at, UTC) for each in sessions for key in each.keys}


def test_the_token_that_was_signed_out_of_is_believed_no_longer_and_others_are() -> None:
    over = ended(session("a"))
    assert session("a").is_ended(over, NOW + 11)
    assert not session("b").is_ended(over, NOW + 11)
    assert not session("a").is_ended({}, NOW + 11)


def test_tokens_of_the_same_session_at_the_issuer_end_together_and_those_of_a_later_signing_in_do_not() -> None:
    over = ended(session("a", "s"))
    assert session("b", "s").is_ended(over, NOW + 11)
    assert session("b", "s", issued=NOW + 9).is_ended(over, NOW + 11)
    assert not session("b", "s", issued=NOW + 10).is_ended(over, NOW + 11)
    assert not session("b", "another").is_ended(over, NOW + 11)


def test_an_expired_token_is_over_whatever_is_known() -> None:
    assert not session().is_ended({}, NOW + 600 + LEEWAY_S - 1)
    assert session().is_ended({}, NOW + 600 + LEEWAY_S)


@given(st.text(), st.text(), st.text())
def test_a_session_holds_nothing_that_was_sent(token: str, sid: str, other: str) -> None:
    one = session(token, sid)
    assert all(len(key) == 32 for key in one.keys)
    assert (session(other, sid).token_digest == one.token_digest) == (token == other)
    assert session(sid, token).keys != one.keys or token == sid


@pytest.fixture
async def pool(postgres: Databases) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(postgres.dsn, min_size=1, max_size=2) as pool:
        yield pool


async def test_what_one_process_ends_the_others_know_and_a_new_one_too(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pathline_gateway.auth.ended_sessions._REFRESH_INTERVAL_S", 0.01)
    clock = lambda: NOW + 20  # noqa: E731
    here, there = Sessions(pool, 3_600, clock), Sessions(pool, 3_600, clock)
    one = session("one", "s")
    assert not here.has_ended(one)
    await here.end(one)
    assert here.has_ended(one)
    async with supervised(there.loop(), Health()), asyncio.timeout(60):
        while not there.has_ended(one):
            await asyncio.sleep(0.01)
    started = Sessions(pool, 3_600, clock)
    await started.refresh()
    assert started.has_ended(one)
    assert started.has_ended(session("two", "s"))


async def test_where_postgres_is_away_it_ends_here_and_stays_over(pool: asyncpg.Pool) -> None:
    sessions = Sessions(pool, 3_600, lambda: NOW + 20)
    one = session("lost")
    await pool.close()
    with pytest.raises(asyncpg.InterfaceError):
        await sessions.end(one)
    assert sessions.has_ended(one)


async def test_what_no_token_can_mean_any_more_is_forgotten(pool: asyncpg.Pool) -> None:
    at = [float(NOW)]
    sessions = Sessions(pool, 3_600, lambda: at[0])
    await sessions.end(session("old"))
    at[0] += 3_601
    async with pool.acquire() as connection:
        await ended_session_repository.delete_expired(connection, datetime.fromtimestamp(at[0], UTC))
        assert await connection.fetchval("select count(*) from ended_session where expires_at <= $1", _at(at[0])) == 0


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
