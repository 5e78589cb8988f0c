"""Works are shared out evenly. Whoever is killed or stopped leads nothing within seconds, and writes nothing later."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from pathline_gateway.election import candidate as election
from pathline_gateway.election import repository as election_repository
from pathline_gateway.election.candidate import Candidate
from pathline_gateway.postgres.pool import open_pool, session_name
from pathline_gateway.streams.dispatch.dispatcher import Dispatcher
from pathline_gateway.streams.subscriptions import dispatch_progress_repository
from pathline_gateway.streams.subscriptions.dispatch_progress_repository import works_of
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS
from support.gateways.routes import GatewayRoutes
from support.repository import TESTS

ALONE = ["counting", "forgetting", "saying"]
SHARDS = works_of(ALL_SHARDS)
GROUPS = [ALONE, SHARDS]
FAILOVER_S = 5.0


@asynccontextmanager
async def candidates(gateway: GatewayRoutes, count: int) -> AsyncIterator[list[Candidate]]:
    """So many processes, none of which has taken part."""
    async with open_pool(gateway.database, election.POOL) as pool:
        yield [Candidate(pool, GROUPS) for _ in range(count)]


def led(candidate: Candidate) -> set[str]:
    return set(candidate.led([*ALONE, *SHARDS]))


async def test_one_leads_everything_and_others_take_their_share(gateway: GatewayRoutes) -> None:
    async with candidates(gateway, 3) as everybody:
        first, *others = everybody
        await first.take_part()
        assert led(first) == {*ALONE, *SHARDS}
        for _ in range(3):
            for each in everybody:
                await each.take_part()
        assert sorted(work for each in everybody for work in led(each)) == sorted([*ALONE, *SHARDS])
        assert [len(led(each) & set(ALONE)) for each in everybody] == [1, 1, 1]
        assert sorted(len(led(each) & set(SHARDS)) for each in everybody) == [2, 3, 3]
        await first._leave()
        for each in others * 2:
            await each.take_part()
        assert led(first) == set()
        assert set().union(*map(led, others)) == {*ALONE, *SHARDS}
        leases = await lease_rows(gateway)
        assert {lease.process for lease in leases} == {each._process for each in others}
        assert all(lease.term >= 1 for lease in leases)


async def lease_rows(gateway: GatewayRoutes) -> list[election_repository.Lease]:
    async with gateway.pool.acquire() as connection:
        return await election_repository.list_leases(connection)


async def test_who_was_not_heard_of_finds_that_it_leads_no_more(gateway: GatewayRoutes) -> None:
    async with candidates(gateway, 2) as (old, new):
        await old.take_part()
        await new.take_part()
        before = {lease.work: lease.term for lease in await lease_rows(gateway)}
        # As if it had been stopped. Both are this process: it has no connections of that name, so none is ended.
        await gateway.execute(
            "update gateway_process set session = 'another', alive_until = now() - interval '1 s' where id = $1",
            old._process,
        )
        await new.take_part()
        assert led(new) == {*ALONE, *SHARDS}
        async with gateway.pool.acquire() as connection:
            assert not await old.confirm(connection, SHARDS[:1])
            assert await new.confirm(connection, SHARDS)
        terms = {lease.work: lease.term for lease in await lease_rows(gateway)}
        assert all(terms[work] == before[work] + 1 for work in terms)
        stopped = old._process
        await old.take_part()
        assert old._process not in (None, stopped)
        assert led(old) == set(), "what others lead is theirs until they give it up"
        await new.take_part()
        await old.take_part()
        assert len(led(old) & set(SHARDS)) == 4


async def test_who_cannot_say_that_it_lives_leads_nothing(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with candidates(gateway, 1) as (only,):
        await only.take_part()
        assert led(only) == {*ALONE, *SHARDS}
        later = time.monotonic() + election.LIFETIME_S
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert led(only) == set()


@contextmanager
def leader_process(database: str) -> Iterator[tuple[subprocess.Popen[str], Callable[[], str]]]:
    """Another process that leads every shard, and what it says next."""
    process = subprocess.Popen(
        [sys.executable, "-m", "support.gateways.leader_process", database],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(TESTS)},
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline
    try:
        assert (line(), line()) == ("leads\n", "holds\n")
        yield process, line
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
async def test_whoever_is_killed_or_stopped_in_its_transaction_is_replaced_and_writes_nothing(
    gateway: GatewayRoutes, how: signal.Signals
) -> None:
    with leader_process(gateway.database) as (process, said):
        async with candidates(gateway, 1) as (other,):
            await other.take_part()
            dispatcher = Dispatcher(gateway.pool, lambda: gateway.now, auth_disabled=True, leadership=other)
            assert not await dispatcher.dispatch_some()
            began = time.monotonic()
            process.send_signal(how)
            async with asyncio.timeout(6 * FAILOVER_S):
                while not await leads_and_locks(gateway, other):
                    await other.take_part()
                    await asyncio.sleep(0.1)
            assert time.monotonic() - began < FAILOVER_S + 2, "a busy machine takes a little longer"
            if how is signal.SIGSTOP:
                process.send_signal(signal.SIGCONT)
                assert process.stdin is not None
                process.stdin.write("go on\n")
                process.stdin.flush()
                assert said().startswith("refused")
                assert said() == "leads no more\n"
            assert await gateway.pool.fetchval("select max(change_seq) from dispatch_progress") < 1_000_000


async def leads_and_locks(gateway: GatewayRoutes, candidate: Candidate) -> bool:
    """Whether it leads every shard, and could write."""
    if set(SHARDS) - led(candidate):
        return False
    async with gateway.pool.acquire() as connection, connection.transaction():
        return await dispatch_progress_repository.try_lock(connection, ALL_SHARDS)


def test_a_forked_process_has_a_name_of_its_own_for_its_connections() -> None:
    """Else it would end its own connections when it buries the one that it was forked with."""
    reading, writing = os.pipe()
    mine = session_name()
    if (child := os.fork()) == 0:
        os.write(writing, session_name().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 100).decode()
    os.close(reading)
    os.close(writing)
    assert session_name() == mine
    assert theirs != mine
    assert len(theirs) == len(mine) == 8
