"""A batch that dies at any of its awaits is stored whole or not at all, and again after that comes to the same."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
import stored
from deliveries import DOOR, OWN, OWN_TOO, PARTITIONS, Expected, Log, Said, says
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from own_postgres import OwnPostgres

from pathline_gateway.identity.membership import MembershipWriter
from pathline_gateway.intake import persist
from pathline_gateway.intake.apply import FetchedBeyondPosition, Into, apply
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.persist import Persister
from pathline_gateway.intake.reading import read
from pathline_gateway.intake.record import Accepted, Parked
from pathline_gateway.intake.write import Outcome
from pathline_gateway.store.connect import Connection
from pathline_gateway.store.positions import Partition

Cut = dict[Partition, tuple[int, int]]
"""Of each partition's list, from which place to which."""
SLOW = settings(
    deadline=None,
    max_examples=12,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # each example takes a second: shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

FAILURES: list[Exception] = [
    ConnectionResetError(),
    TimeoutError(),
    asyncpg.InterfaceError("the connection is closed"),
    asyncpg.ConnectionDoesNotExistError(),
    asyncpg.AdminShutdownError(),
    asyncpg.ReadOnlySQLTransactionError(),
    asyncpg.DiskFullError(),
    asyncpg.DeadlockDetectedError(),
    asyncpg.exceptions.TargetServerAttributeNotMatched("no server of the list takes writes"),
    asyncpg.ProtocolError("half a message"),
]
"""What is raised while Postgres is away, is being moved to another machine, is full or only reads."""


class Crashed(BaseException):
    """The process is gone."""


class Steered:
    """A coroutine whose suspensions are counted; at the one told, something happens and it goes no further."""

    def __init__(self, work: Coroutine[Any, Any, Any], at: int | None, crash: Callable[[], None]) -> None:
        self._work, self._at, self._crash = work.__await__(), at, crash
        self.awaits = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        answer: Any = None
        failed: BaseException | None = None
        while True:
            try:
                asked = self._work.send(answer) if failed is None else self._work.throw(failed)  # type: ignore[attr-defined]
            except StopIteration as done:
                return done.value
            if self.awaits == self._at:
                self._at = None
                self._crash()
                failed = Crashed()
                continue
            self.awaits += 1
            try:
                answer, failed = (yield asked), None
            except BaseException as thrown:
                failed = thrown


def batch_of(log: Log, cut: Cut, epoch: int) -> Batch:
    """These records as the consumer would hand them over."""
    cut = {p: (start, end) for p, (start, end) in cut.items() if end > start}
    readings = {p: [read(record) for record in log.held(p, *places)] for p, places in cut.items()}
    fetched = {p: log.records[p][start - 1][0] + 1 if start else 0 for p, (start, _) in cut.items()}
    return Batch(readings, fetched, dict.fromkeys(cut, epoch))


@asynccontextmanager
async def connected(postgres: OwnPostgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def gone(watch: asyncpg.Connection, backend: int) -> None:
    """What the backend was doing is committed or rolled back."""
    async with asyncio.timeout(20):
        while await watch.fetchval("select count(*) from pg_stat_activity where pid = $1", backend):
            await asyncio.sleep(0.001)


async def crashed_at(postgres: OwnPostgres, watch: asyncpg.Connection, batch: Batch, at: int) -> bool:
    """Whether the batch was being applied still when its connection died at this await."""
    connection = await asyncpg.connect(postgres.dsn, connection_class=Connection)
    backend = connection.get_server_pid()
    work = Steered(apply(connection, Into("g", True), batch), at, connection.terminate)
    try:
        await work
    except Crashed:
        return True
    except (asyncpg.InterfaceError, asyncpg.PostgresError, OSError):
        return True  # it met the closed connection on its way out
    finally:
        connection.terminate()
        await gone(watch, backend)
    return False


@st.composite
def logs(draw: st.DrawFn, most: int = 14) -> Log:
    """Up to so many records in three partitions, with holes as transactions leave them."""
    log = Log()
    for partition in PARTITIONS:
        for said in draw(st.lists(says(), max_size=most)):
            log.add(partition, said, draw(st.sampled_from([0, 0, 0, 2])))
    return log


@st.composite
def cuts(draw: st.DrawFn, log: Log, pieces: int = 3) -> list[Cut]:
    """The log, cut into batches that follow each other."""
    edges = {p: sorted(draw(st.integers(0, len(r))) for _ in range(pieces - 1)) for p, r in log.records.items()}
    whole = {p: [0, *edges[p], len(log.records[p])] for p in edges}
    return [{p: (whole[p][n], whole[p][n + 1]) for p in whole} for n in range(pieces)]


def foretold(log: Log, pieces: list[Cut], registered: frozenset[str] | None = None) -> Expected:
    """What the tables hold after these batches."""
    outcome = Expected(registered)
    for cut in pieces:
        for partition, (start, end) in cut.items():
            outcome.apply(partition, log.records[partition][start:end])
    return outcome


@SLOW
@given(data=st.data())
async def test_the_tables_come_to_what_was_published_however_it_was_cut(
    postgres: OwnPostgres, data: st.DataObject
) -> None:
    log = data.draw(logs(30))
    pieces = data.draw(cuts(log, 4))
    register = data.draw(st.booleans())
    async with connected(postgres) as connection:
        epoch = await stored.empty(connection)
        if not register:
            await connection.execute("insert into organisation (org, registered_by) values ('clinic', 'operator')")
        into = Into("g", register)
        for cut in pieces:
            await apply(connection, into, batch_of(log, cut, epoch))
        outcome = foretold(log, pieces, None if register else frozenset({"clinic"}))
        assert await stored.tables(connection) == outcome.tables()
        assert await stored.unsaid(connection) == 0


@SLOW
@given(data=st.data())
async def test_a_log_that_is_read_again_from_its_start_changes_nothing_but_its_positions(
    postgres: OwnPostgres, data: st.DataObject
) -> None:
    log = data.draw(logs())
    pieces, again = data.draw(cuts(log)), data.draw(cuts(log))
    async with connected(postgres) as connection:
        epoch = await stored.empty(connection)
        for cut in pieces:
            await apply(connection, Into("g", True), batch_of(log, cut, epoch))
        before = await stored.tables(connection)
        other = await connection.fetchval("insert into log_epoch (cluster_id, reason) values ('2', '') returning id")
        for cut in again:
            await apply(connection, Into("g", True), batch_of(log, cut, other))
        after = await stored.tables(connection)
        for name in ("interactions", "identities", "evidence", "amendments", "links", "refs"):
            assert after[name] == before[name], name
        for name in ("interactions", "subjects", "stepped"):
            assert after["tally"][name] == before["tally"][name], name


@SLOW
@given(data=st.data())
async def test_a_crash_at_every_await_leaves_all_or_nothing_and_the_next_start_completes_it(
    postgres: OwnPostgres, data: st.DataObject
) -> None:
    log = data.draw(logs(8))
    pieces = data.draw(cuts(log, 2))
    async with connected(postgres) as watch:
        epoch = await stored.empty(watch)
        await apply(watch, Into("g", True), batch_of(log, pieces[0], epoch))
        nothing, everything = (foretold(log, pieces[:n]).tables() for n in (1, 2))
        at = 0
        while await crashed_at(postgres, watch, batch_of(log, pieces[1], epoch), at):
            found = await stored.tables(watch)
            assert found in (nothing, everything), at
            at += 1
        assert at > 5, "it was steered"
        await apply(watch, Into("g", True), batch_of(log, pieces[1], epoch))
        assert await stored.tables(watch) == everything
        assert await stored.unsaid(watch) == 0


async def test_evidence_of_who_is_who_is_bound_whichever_of_two_writers_commits_first(postgres: OwnPostgres) -> None:
    """The membership writer reads on from the last it saw, so nothing may appear behind that."""
    log = Log()
    for n, partition in enumerate((OWN, DOOR, OWN_TOO)):
        log.add(partition, Said("link", "clinic", n, n, n))
    at, steered = 0, True
    async with connected(postgres) as one, connected(postgres) as two, asyncpg.create_pool(postgres.dsn) as pool:
        while steered:
            epoch = await stored.empty(one)
            slow, quick, before = (batch_of(log, {p: (0, 1)}, epoch) for p in (OWN, DOOR, OWN_TOO))
            await apply(one, Into("g", True), before)  # so that neither waits for the other's new rows in the register
            await bound(pool)
            reached, go_on = asyncio.Event(), asyncio.Event()
            first = asyncio.ensure_future(held_at(at, apply(one, Into("g", True), slow), reached, go_on))
            waits = asyncio.ensure_future(reached.wait())
            await asyncio.wait([first, waits], return_when=asyncio.FIRST_COMPLETED)
            waits.cancel()
            steered = reached.is_set()
            second = asyncio.ensure_future(apply(two, Into("g", True), quick))
            await asyncio.wait([second], timeout=0.1)  # it may have to wait for the first
            third = asyncio.ensure_future(bound(pool))
            await asyncio.wait([third], timeout=0.1)  # and so may the membership writer
            go_on.set()
            await asyncio.gather(first, second, third)
            await bound(pool)
            assert await one.fetchval("select count(*) from membership where until is null") == 6, at
            assert await one.fetchval("select n from tally where name = 'links'") == 3
            at += 1
    assert at > 10


async def bound(pool: asyncpg.Pool) -> None:
    """Whatever evidence can be seen now is bound."""
    while await MembershipWriter(pool).bind_some():
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
                asked = self._work.send(answer) if failed is None else self._work.throw(failed)  # type: ignore[attr-defined]
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
    postgres: OwnPostgres, data: st.DataObject
) -> None:
    log = data.draw(logs(8))
    edges = {p: sorted(data.draw(st.integers(0, len(r))) for _ in range(3)) for p, r in log.records.items()}
    late = data.draw(st.booleans())
    cuts = [{p: (0, e[1]) for p, e in edges.items()}, {p: (e[0] if late else 0, e[2]) for p, e in edges.items()}]
    turns = data.draw(st.lists(st.integers(0, 1), max_size=80))
    async with connected(postgres) as one, connected(postgres) as two:
        epoch = await stored.empty(one)
        batches = [batch_of(log, cut, epoch) for cut in cuts]
        assume(batches[0].readings.keys() & batches[1].readings.keys())
        works = [apply(c, Into("g", True), b) for c, b in zip((one, two), batches, strict=True)]
        outcomes = await Turns(turns).both(*works)
        failed = [o for o in outcomes if isinstance(o, BaseException) and not isinstance(o, FetchedBeyondPosition)]
        assert not failed, failed
        taken = [not isinstance(outcome, FetchedBeyondPosition) for outcome in outcomes]
        await apply(one, Into("g", True), batch_of(log, {p: (0, len(r)) for p, r in log.records.items()}, epoch))
        found = await stored.tables(one)
        in_order, in_reverse = simulated(log, cuts), simulated(log, cuts[::-1])
        assert (taken, found) in (in_order, (in_reverse[0][::-1], in_reverse[1]))
        assert await stored.unsaid(one) == 0


@asynccontextmanager
async def persisting(postgres: OwnPostgres, said: list[Outcome]) -> AsyncIterator[Persister]:
    async def stored_now(outcome: Outcome) -> None:
        said.append(outcome)

    async with asyncpg.create_pool(postgres.dsn, min_size=1, max_size=2, connection_class=Connection) as pool:
        yield Persister(pool, Into("g", True), stored_now)


def plain_log(n: int, *others: Said) -> Log:
    log = Log()
    for id in range(n):
        log.add(DOOR, Said("step", "clinic", id, id % 3, 0))
    for said in others:
        log.add(DOOR, said)
    return log


@pytest.mark.parametrize("bad", [{0}, {4}, {9}, {2, 3, 7}, set(range(10))], ids=str)
async def test_a_record_that_the_database_refuses_is_parked_and_its_neighbours_are_stored(
    postgres: OwnPostgres, bad: set[int]
) -> None:
    log, said = plain_log(10), list[Outcome]()
    async with connected(postgres) as watch, persisting(postgres, said) as persister:
        epoch = await stored.empty(watch)
        batch = batch_of(log, {DOOR: (0, 10)}, epoch)
        readings = [
            r._replace(digest=b"short") if n in bad and isinstance(r, Accepted) else r
            for n, r in enumerate(batch.readings[DOOR])
        ]
        await persister.persist(replace(batch, readings={DOOR: readings}))
        found = await stored.tables(watch)
        assert found["parked"] == dict.fromkeys(((*DOOR, n, "unstorable") for n in bad), 1)
        assert {int(i) for ((_, i), _) in found["interactions"]} == set(range(10)) - bad
        assert found["positions"] == {DOOR: 10}
        assert sum(o.accepted for o in said) == 10 - len(bad)
        assert sum(len(o.parked) for o in said) == len(bad)


async def test_a_connection_that_is_lost_at_any_await_parks_nothing_and_the_batch_is_stored(
    postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = plain_log(
        4, Said("void", "clinic", 8, 0, 1), Said("link", "clinic", 9, 0, 1), Said("malformed", "clinic", 0, 0, 0)
    )
    whole = {DOOR: (0, 7)}
    at, fell = 0, True
    async with connected(postgres) as watch:
        while fell:
            said = list[Outcome]()
            epoch = await stored.empty(watch)
            fell = False

            async def lossy(connection: asyncpg.Connection, into: Into, batch: Batch, at: int = at) -> Outcome:
                nonlocal fell
                if fell:
                    return await apply(connection, into, batch)
                lost = Lossy(apply(connection, into, batch), at, connection.terminate)
                try:
                    return await lost  # type: ignore[no-any-return]
                finally:
                    fell = lost.happened

            monkeypatch.setattr(persist, "apply", lossy)
            async with persisting(postgres, said) as persister, asyncio.timeout(30):
                await persister.persist(batch_of(log, whole, epoch))
            assert await stored.tables(watch) == foretold(log, [whole]).tables(), at
            at += 1
    assert at > 10


class Lossy(Steered):
    """Something happens at one await, and the coroutine goes on and meets it."""

    happened = False

    def __await__(self) -> Generator[Any, Any, Any]:
        answer: Any = None
        failed: BaseException | None = None
        while True:
            try:
                asked = self._work.send(answer) if failed is None else self._work.throw(failed)  # type: ignore[attr-defined]
            except StopIteration as done:
                return done.value
            if self.awaits == self._at:
                self.happened = True
                self._crash()
            self.awaits += 1
            try:
                answer, failed = (yield asked), None
            except BaseException as thrown:
                failed = thrown


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
async def test_whatever_says_that_postgres_is_away_is_waited_for_and_parks_nothing(
    postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    log, said, left = plain_log(3), list[Outcome](), [failure] * 3

    async def failing(connection: asyncpg.Connection, into: Into, batch: Batch) -> Outcome:
        if left:
            raise left.pop()
        return await apply(connection, into, batch)

    monkeypatch.setattr(persist, "apply", failing)
    async with connected(postgres) as watch, persisting(postgres, said) as persister:
        epoch = await stored.empty(watch)
        await persister.persist(batch_of(log, {DOOR: (0, 3)}, epoch))
        assert await stored.tables(watch) == foretold(log, [{DOOR: (0, 3)}]).tables()


async def test_a_database_that_was_put_back_while_intake_runs_is_filled_again_and_nothing_is_parked(
    postgres: OwnPostgres,
) -> None:
    """What intake remembered of the register is gone with the rows."""
    log, said = plain_log(4), list[Outcome]()
    log.add(OWN, Said("step", "clinic", 9, 1, 0))
    async with connected(postgres) as watch, persisting(postgres, said) as persister:
        epoch = await stored.empty(watch)
        await persister.persist(batch_of(log, {DOOR: (0, 4)}, epoch))
        await watch.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where pid <> pg_backend_pid() and datname = current_database()"
        )
        epoch = await stored.empty(watch)
        await watch.execute("insert into organisation (org, registered_by) values ('shelter', 'operator')")
        await watch.execute("insert into source (source, org) values ('urn:pathline:shelter:desk', 'shelter')")
        await watch.execute("insert into event_type (type) values ('org.pathline.need.met.v1')")
        cut = {OWN: (0, 1)}
        await persister.persist(batch_of(log, cut, epoch))
        found = await stored.tables(watch)
        assert found["interactions"] == foretold(log, [cut]).tables()["interactions"]
        assert not found["parked"]


REFUSALS: list[Exception] = [
    asyncpg.DataError("a value is wrong"),
    asyncpg.ProgramLimitExceededError("a row of an index is too large"),
    asyncpg.ConnectionDoesNotExistError("the message was too long, and Postgres hung up"),
    ConnectionResetError(),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda f: type(f).__name__)
@pytest.mark.parametrize("kept", [True, False], ids=["but its bytes", "not even its bytes"])
async def test_what_postgres_does_not_take_is_found_and_parked_alone(
    postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch, refusal: Exception, kept: bool
) -> None:
    log, said, bad = plain_log(10), list[Outcome](), 6

    async def refusing(connection: asyncpg.Connection, into: Into, batch: Batch) -> Outcome:
        for reading in batch.readings[DOOR]:
            if reading.record.offset == bad and not (isinstance(reading, Parked) and (kept or reading.by_position)):
                raise refusal
        return await apply(connection, into, batch)

    monkeypatch.setattr(persist, "apply", refusing)
    monkeypatch.setattr(persist, "_BACKOFF_S", (0.001, 0.001))
    async with connected(postgres) as watch, persisting(postgres, said) as persister, asyncio.timeout(60):
        epoch = await stored.empty(watch)
        await persister.persist(batch_of(log, {DOOR: (0, 10)}, epoch))
        found = await stored.tables(watch)
        assert found["parked"] == {(*DOOR, bad, "unstorable"): 1}
        assert {int(i) for ((_, i), _) in found["interactions"]} == set(range(10)) - {bad}
        (row,) = await watch.fetch("select * from parked")
        value = batch_of(log, {DOOR: (0, 10)}, epoch).readings[DOOR][bad].record.value
        assert value is not None
        whole = None if kept else (len(value), hashlib.sha256(value).digest())
        assert row["kept"] == ("whole" if kept else "position")
        assert (row["value"], row["header_names"] == []) == ((value, False) if kept else (None, True))
        assert whole is None or (row["value_size"], row["sha256"]) == whole


async def test_a_postgres_that_hangs_up_on_everybody_parks_nothing(
    postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, said, left = plain_log(3), list[Outcome](), [asyncpg.ConnectionDoesNotExistError()] * 30

    async def hung_up(connection: asyncpg.Connection, into: Into, batch: Batch) -> Outcome:
        if left:
            raise left.pop()
        return await apply(connection, into, batch)

    async def silent(self: Persister) -> bool:
        return False

    monkeypatch.setattr(persist, "apply", hung_up)
    monkeypatch.setattr(persist, "_BACKOFF_S", (0.001, 0.001))
    monkeypatch.setattr(Persister, "_answers", silent)
    async with connected(postgres) as watch, persisting(postgres, said) as persister:
        epoch = await stored.empty(watch)
        await persister.persist(batch_of(log, {DOOR: (0, 3)}, epoch))
        assert await stored.tables(watch) == foretold(log, [{DOOR: (0, 3)}]).tables()
