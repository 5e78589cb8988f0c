"""A batch that dies at any of its awaits is stored whole or not at all, and again after that comes to the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any

import asyncpg
from hypothesis import assume, given
from hypothesis import strategies as st

from pathline_gateway.identity.membership_writer import MembershipWriter
from pathline_gateway.intake.batch_transaction import ApplyTarget, FetchedBeyondPosition, apply_batch
from support.intake import stored
from support.intake.crashes import SLOW, Cut, batch_of, connected, crashed_at, cuts, expected_rows, logs
from support.intake.deliveries import DOOR, OWN, OWN_TOO, Expected, Log, PublishedEvent
from support.postgres.databases import Databases


@SLOW
@given(data=st.data())
async def test_the_tables_come_to_what_was_published_however_it_was_cut(
    postgres: Databases, data: st.DataObject
) -> None:
    log = data.draw(logs(30))
    pieces = data.draw(cuts(log, 4))
    register = data.draw(st.booleans())
    async with connected(postgres) as connection:
        epoch = await stored.empty(connection)
        if not register:
            await connection.execute("insert into organisation (org, registered_by) values ('clinic', 'operator')")
        into = ApplyTarget("g", register)
        for cut in pieces:
            await apply_batch(connection, into, batch_of(log, cut, epoch))
        outcome = expected_rows(log, pieces, None if register else frozenset({"clinic"}))
        assert await stored.tables(connection) == outcome.tables()
        assert await stored.unsaid(connection) == 0


@SLOW
@given(data=st.data())
async def test_a_log_that_is_read_again_from_its_start_changes_nothing_but_its_positions(
    postgres: Databases, data: st.DataObject
) -> None:
    log = data.draw(logs())
    pieces, again = data.draw(cuts(log)), data.draw(cuts(log))
    async with connected(postgres) as connection:
        epoch = await stored.empty(connection)
        for cut in pieces:
            await apply_batch(connection, ApplyTarget("g", True), batch_of(log, cut, epoch))
        before = await stored.tables(connection)
        other = await connection.fetchval("insert into log_epoch (cluster_id, reason) values ('2', '') returning id")
        for cut in again:
            await apply_batch(connection, ApplyTarget("g", True), batch_of(log, cut, other))
        after = await stored.tables(connection)
        for name in ("interactions", "identities", "evidence", "amendments", "links", "refs"):
            assert after[name] == before[name], name
        for name in ("interactions", "subjects", "stepped"):
            assert after["tally"][name] == before["tally"][name], name


@SLOW
@given(data=st.data())
async def test_a_crash_at_every_await_leaves_all_or_nothing_and_the_next_start_completes_it(
    postgres: Databases, data: st.DataObject
) -> None:
    log = data.draw(logs(8))
    pieces = data.draw(cuts(log, 2))
    async with connected(postgres) as watch:
        epoch = await stored.empty(watch)
        await apply_batch(watch, ApplyTarget("g", True), batch_of(log, pieces[0], epoch))
        nothing, everything = (expected_rows(log, pieces[:n]).tables() for n in (1, 2))
        at = 0
        while await crashed_at(postgres, watch, batch_of(log, pieces[1], epoch), at):
            found = await stored.tables(watch)
            assert found in (nothing, everything), at
            at += 1
        assert at > 5, "it was steered"
        await apply_batch(watch, ApplyTarget("g", True), batch_of(log, pieces[1], epoch))
        assert await stored.tables(watch) == everything
        assert await stored.unsaid(watch) == 0


async def test_evidence_of_who_is_who_is_bound_whichever_of_two_writers_commits_first(postgres: Databases) -> None:
    """The membership writer reads on from the last it saw, so nothing may appear behind that."""
    log = Log()
    for n, partition in enumerate((OWN, DOOR, OWN_TOO)):
        log.add(partition, PublishedEvent("link", "clinic", n, n, n))
    at, steered = 0, True
    async with connected(postgres) as one, connected(postgres) as two, asyncpg.create_pool(postgres.dsn) as pool:
        while steered:
            epoch = await stored.empty(one)
            slow, quick, before = (batch_of(log, {p: (0, 1)}, epoch) for p in (OWN, DOOR, OWN_TOO))
            await apply_batch(
                one, ApplyTarget("g", True), before
            )  # so that neither waits for the other's new rows in the register
            await bound(pool)
            reached, go_on = asyncio.Event(), asyncio.Event()
            first = asyncio.ensure_future(held_at(at, apply_batch(one, ApplyTarget("g", True), slow), reached, go_on))
            waits = asyncio.ensure_future(reached.wait())
            await asyncio.wait([first, waits], return_when=asyncio.FIRST_COMPLETED)
            waits.cancel()
            steered = reached.is_set()
            second = asyncio.ensure_future(apply_batch(two, ApplyTarget("g", True), quick))
            await asyncio.wait([second], timeout=0.1)  # it may have to wait for the first
            third = asyncio.ensure_future(bound(pool))
            await asyncio.wait([third], timeout=0.1)  # and so may the membership writer
            go_on.set()
            await asyncio.gather(first, second, third)
            await bound(pool)
            assert await one.fetchval("select count(*) from membership where valid_until is null") == 6, at
            assert await one.fetchval("select value from row_counters where name = 'links'") == 3
            at += 1
    assert at > 10


async def bound(pool: asyncpg.Pool) -> None:
    """Whatever evidence can be seen now is bound."""
    while await MembershipWriter(pool).bind_batch():
        pass


async def held_at(at: int, work: Coroutine[Any, Any, Any], reached: asyncio.Event, go_on: asyncio.Event) -> Any:
    """It waits, at one of its awaits, until it may go on."""
    left = at

    async def turn() -> None:
        nonlocal left
        if left == 0:
            reached.set()
            await go_on.wait()
        left -= 1

    return await Paced(work, turn)


class Turns:
    """Two coroutines that go on in turns: at each of its awaits, each waits until it is its turn."""

    def __init__(self, turns: list[int]) -> None:
        self._turns = turns
        self._may = (asyncio.Event(), asyncio.Event())
        self._waits = (asyncio.Event(), asyncio.Event())

    async def both(self, *works: Coroutine[Any, Any, Any]) -> list[Any]:
        """What each came to: its value, or what it raised."""
        tasks = [asyncio.ensure_future(self._paced(n, work)) for n, work in enumerate(works)]
        for turn in self._turns:
            self._waits[turn].clear()
            self._may[turn].set()
            with suppress(TimeoutError):  # it waits for a lock that the other holds, or has ended
                async with asyncio.timeout(0.003):
                    await self._waits[turn].wait()
        self._turns.clear()
        for event in self._may:
            event.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def _paced(self, n: int, work: Coroutine[Any, Any, Any]) -> Any:
        async def turn() -> None:
            self._waits[n].set()
            await self._may[n].wait()
            if self._turns:
                self._may[n].clear()

        return await Paced(work, turn)


class Paced:
    """A coroutine that waits for something more after each of its awaits."""

    def __init__(self, work: Coroutine[Any, Any, Any], turn: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work, self._turn = work.__await__(), turn

    def __await__(self) -> Generator[Any, Any, Any]:
        answer: Any = None
        failed: BaseException | None = None
        while True:
            try:
                asked = self._work.send(answer) if failed is None else self._work.throw(failed)
            except StopIteration as done:
                return done.value
            try:
                answer, failed = (yield asked), None
            except BaseException as thrown:
                failed = thrown
            yield from self._turn().__await__()


def simulated(log: Log, order: list[Cut]) -> tuple[list[bool], dict[str, Any]]:
    """Which of these batches are taken, in this order, and the tables after them and then everything."""
    outcome, taken = Expected(), []
    whole = {p: (0, len(r)) for p, r in log.records.items()}
    for cut in [*order, whole]:
        records = {p: log.records[p][start:end] for p, (start, end) in cut.items() if end > start}
        fetched = {p: log.records[p][cut[p][0] - 1][0] + 1 if cut[p][0] else 0 for p in records}
        taken.append(all(fetched[p] <= outcome.positions.get(p, 0) for p in records))
        for p, found in records.items() if taken[-1] else ():
            at = outcome.positions.get(p, 0)
            outcome.apply(p, [(offset, said) for offset, said in found if offset >= at])
    return taken[:-1], outcome.tables()


@SLOW
@given(data=st.data())
async def test_two_writers_with_overlapping_batches_come_to_what_one_after_the_other_does(
    postgres: Databases, data: st.DataObject
) -> None:
    log = data.draw(logs(8))
    edges = {p: sorted(data.draw(st.integers(0, len(r))) for _ in range(3)) for p, r in log.records.items()}
    late = data.draw(st.booleans())
    cuts = [{p: (0, e[1]) for p, e in edges.items()}, {p: (e[0] if late else 0, e[2]) for p, e in edges.items()}]
    turns = data.draw(st.lists(st.integers(0, 1), max_size=80))
    async with connected(postgres) as one, connected(postgres) as two:
        epoch = await stored.empty(one)
        batches = [batch_of(log, cut, epoch) for cut in cuts]
        assume(batches[0].parsed_records.keys() & batches[1].parsed_records.keys())
        works = [apply_batch(c, ApplyTarget("g", True), b) for c, b in zip((one, two), batches, strict=True)]
        outcomes = await Turns(turns).both(*works)
        failed = [o for o in outcomes if isinstance(o, BaseException) and not isinstance(o, FetchedBeyondPosition)]
        assert not failed, failed
        taken = [not isinstance(outcome, FetchedBeyondPosition) for outcome in outcomes]
        await apply_batch(
            one, ApplyTarget("g", True), batch_of(log, {p: (0, len(r)) for p, r in log.records.items()}, epoch)
        )
        found = await stored.tables(one)
        in_order, in_reverse = simulated(log, cuts), simulated(log, cuts[::-1])
        assert (taken, found) in (in_order, (in_reverse[0][::-1], in_reverse[1]))
        assert await stored.unsaid(one) == 0
