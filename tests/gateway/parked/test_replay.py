"""A replay after a fix is exact: never twice, never lost, and as if the fix had been there before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gateway.parked.database import Server
from gateway.parked.delivery import ANNA, BEN, Log, event, source
from gateway.parked.standing import kept, served
from pathline_gateway.intake import parked_repository
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.parked import overview_repository
from pathline_gateway.parked.discard import discard
from pathline_gateway.parked.overview_repository import ParkedFilter
from pathline_gateway.parked.replay import ReplayRules, replay
from support.examples import examples

ON_THE_REGISTER = "clinic"
LATE = "shelter"
STEP = "activity.recorded"
SLOW = examples(30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

orgs = st.sampled_from([ON_THE_REGISTER, LATE])
subjects = st.sampled_from([ANNA, BEN])


@st.composite
def events_with_repeats(draw: st.DrawFn, conflicts: bool) -> list[dict[str, Any] | bytes]:
    """Events of both organisations, some twice, some that void or correct another, links between people, and noise."""
    events: list[dict[str, Any] | bytes] = []
    for n in range(draw(st.integers(1, 12))):
        org, subject, id = draw(orgs), draw(subjects), f"e{n}"
        target = f"e{draw(st.integers(0, 11))}"
        match draw(st.sampled_from(["step", "step", "step", "void", "correct", "link", "apart", "retract", "noise"])):
            case "step":
                events.append(event(org, id, STEP, subject, activity=f"step {n}"))
            case "void":
                events.append(
                    event(
                        org, id, "interaction.voided", subject, source=source(org), id=target, reason="entered-in-error"
                    )
                )
            case "correct":
                new = {"data": {"activity": f"corrected by {n}"}}
                events.append(
                    event(
                        org,
                        id,
                        "interaction.corrected",
                        subject,
                        source=source(org),
                        id=target,
                        reason="entered-in-error",
                        replacement=new,
                    )
                )
            case "link":
                events.append(event(org, id, "identity.linked", subject, same=two(subject), method="record-key"))
            case "apart":
                events.append(
                    event(org, id, "identity.distinguished", subject, different=two(subject), method="record-key")
                )
            case "retract":
                evidence = {"source": source(org), "id": target}
                events.append(event(org, id, "identity.retracted", subject, evidence=evidence))
            case "noise":
                events.append(draw(st.binary(max_size=20)))
    repeated = draw(st.lists(st.sampled_from(events), max_size=4))
    if conflicts:
        repeated = [_other(each) if draw(st.booleans()) else each for each in repeated]
    return draw(st.permutations(events + repeated))


def two(subject: str) -> list[dict[str, str]]:
    return [{"org": ON_THE_REGISTER, "subject": subject}, {"org": LATE, "subject": subject}]


def _other(sent: dict[str, Any] | bytes) -> dict[str, Any] | bytes:
    return sent if isinstance(sent, bytes) else {**sent, "correlationid": "other content"}


def on_a_database(server: Server, work: Callable[[asyncpg.Pool], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with server.emptied("replay") as dsn, asyncpg.create_pool(dsn, min_size=1, max_size=8) as pool:
            async with pool.acquire() as connection:
                await organisation_repository.add_organisations(connection, [ON_THE_REGISTER])
            return await work(pool)

    return asyncio.run(run())


def rules() -> ReplayRules:
    return ReplayRules("a test", register_unknown=False)


async def enter(connection: asyncpg.Connection) -> None:
    await organisation_repository.upsert_organisation(connection, LATE, None, None, None, {})


async def parked_ids(connection: asyncpg.Connection) -> list[int]:
    return await overview_repository.ids(connection, ParkedFilter(), 0, 2**62, 10_000)


async def replay_all(connection: asyncpg.Connection, ids: list[int]) -> dict[str, int]:
    as_intake = rules()
    results = [await replay(connection, as_intake, id) for id in ids]
    said = [r.resolution if r.outcome == "replayed" else r.outcome for r in results]
    return {str(each): said.count(each) for each in said}


@SLOW
@given(st.data())
def test_accepted_evidence_duplicates_parked_and_discarded_are_what_was_sent(postgres: Server, data: Any) -> None:
    events = data.draw(events_with_repeats(conflicts=True))
    entered_before = data.draw(st.integers(0, len(events)))
    dice = random.Random(data.draw(st.integers(0, 10**6)))

    async def work(pool: asyncpg.Pool) -> None:
        log, duplicates = Log(), 0
        async with pool.acquire() as connection:
            at = 0
            while at < len(events):
                if at >= entered_before:
                    await enter(connection)
                size = dice.randint(1, 4)
                duplicates += (await log.take_in(connection, events[at : at + size])).duplicates
                at = min(at + size, len(events))
                await _adds_up(connection, at, duplicates)
                ids = await parked_ids(connection)
                chosen = dice.sample(ids, dice.randint(0, len(ids)))
                duplicates += (await replay_all(connection, chosen)).get("duplicate", 0)
                await _adds_up(connection, at, duplicates)
                if ids and dice.random() < 0.2:
                    await discard(connection, [dice.choice(ids)], "a test", "nobody will mend it")
                    await _adds_up(connection, at, duplicates)

    on_a_database(postgres, work)


async def _adds_up(connection: asyncpg.Connection, sent: int, duplicates: int) -> None:
    found = await kept(connection)
    assert found["accepted"] + found["evidence"] + duplicates + found["parked"] + found["discarded"] == sent
    assert found["identities"] == found["accepted"] + found["evidence"]
    assert found["told"] == found["parked"]


@SLOW
@given(st.data())
def test_what_was_parked_for_an_unknown_organisation_is_after_its_replay_as_if_it_had_been_known(
    postgres: Server, data: Any
) -> None:
    events = data.draw(events_with_repeats(conflicts=False))
    cuts = data.draw(st.lists(st.integers(0, len(events)), max_size=3).map(sorted))
    order = random.Random(data.draw(st.integers(0, 10**6)))
    entered_at = data.draw(st.integers(0, len(events)))

    async def late(pool: asyncpg.Pool) -> Any:
        async with pool.acquire() as connection:
            await _take_in(connection, events, cuts, entered_at)
            await enter(connection)
            ids = await parked_ids(connection)
            order.shuffle(ids)
            await replay_all(connection, ids)
        return await served(pool)

    async def oracle(pool: asyncpg.Pool) -> Any:
        async with pool.acquire() as connection:
            await _take_in(connection, events, cuts, 0)
        return await served(pool)

    assert on_a_database(postgres, late) == on_a_database(postgres, oracle)


async def _take_in(connection: asyncpg.Connection, events: list[Any], cuts: list[int], entered_at: int) -> None:
    log = Log()
    edges = [0, *cuts, len(events)]
    for start, end in pairwise(edges):
        if start >= entered_at:
            await enter(connection)
        if end > start:
            await log.take_in(connection, events[start:end])


async def one_parked(pool: asyncpg.Pool, *events: dict[str, Any]) -> list[int]:
    """These are parked because their organisation is unknown, and now it is known."""
    async with pool.acquire() as connection:
        await Log().take_in(connection, list(events) or [event(LATE, "1")])
        ids = await parked_ids(connection)
        assert len(ids) == max(1, len(events))
        await enter(connection)
        return ids


def test_before_the_fix_a_record_stays_parked_and_after_it_is_taken_in_once(postgres: Server) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        async with pool.acquire() as connection:
            await Log().take_in(connection, [event(LATE, "1")])
            (id,) = await parked_ids(connection)
            still = await replay(connection, rules(), id)
            assert (still.outcome, still.reason, still.field) == ("still-parked", "unknown-organisation", "source")
            row = await parked_repository.read(connection, id)
            assert row is not None
            assert row.tried_at is not None
            await enter(connection)
            done = await replay(connection, rules(), id)
            assert (done.outcome, done.resolution) == ("replayed", "accepted")
            again = await replay(connection, rules(), id)
            assert (again.outcome, again.resolution) == ("settled-before", "accepted")
            row = await parked_repository.read(connection, id)
            assert row is not None
            assert (row.state, row.resolved_by, row.resolution) == ("replayed", "a test", "accepted")
            assert row.resolved_at is not None
            assert (await replay(connection, rules(), id + 1)).outcome == "unknown"
            assert await connection.fetchval("select count(*) from change_log") == 1

    on_a_database(postgres, work)


def test_of_two_that_conflict_the_first_to_come_wins_and_the_other_stays_parked_for_that(postgres: Server) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        first, other = await one_parked(
            pool, event(LATE, "1", activity="first"), event(LATE, "1", STEP, BEN, activity="other")
        )
        async with pool.acquire() as connection:
            assert (await replay(connection, rules(), first)).outcome == "replayed"
            second = await replay(connection, rules(), other)
            assert (second.outcome, second.reason) == ("still-parked", "conflicting-duplicate")
            kept_row = await parked_repository.read(connection, other)
            assert kept_row is not None
            assert (kept_row.reason, kept_row.field) == ("conflicting-duplicate", "id")
        totals, pathways = await served(pool)
        assert (totals["pathways"], totals["subjects"], totals["interactions"], totals["parked"]) == (1, 1, 1, 1)
        assert [[step["activity"] for step in steps] for _, steps in pathways] == [["first"]]

    on_a_database(postgres, work)


def test_who_replays_the_same_record_at_the_same_time_finds_it_settled(postgres: Server) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        (id,) = await one_parked(pool)

        async def one() -> str:
            async with pool.acquire() as connection:
                return (await replay(connection, rules(), id)).outcome

        outcomes = await asyncio.gather(*(one() for _ in range(6)))
        assert sorted(outcomes) == ["replayed", *["settled-before"] * 5]
        async with pool.acquire() as connection:
            assert (await kept(connection))["accepted"] == 1

    on_a_database(postgres, work)


def test_while_intake_takes_in_the_same_events_each_is_stored_once(postgres: Server) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        events = [event(LATE, str(n), STEP, (ANNA, BEN)[n % 2]) for n in range(150)]
        ids = await one_parked(pool, *events)
        log, replayers = Log("pathline.in.door-2"), 3

        async def intake() -> int:
            async with pool.acquire() as connection:
                return sum([(await log.take_in(connection, events[n : n + 10])).duplicates for n in range(0, 150, 10)])

        async def replayer(seed: int) -> dict[str, int]:
            mine = random.Random(seed).sample(ids, len(ids))
            async with pool.acquire() as connection:
                return await replay_all(connection, mine)

        taking = asyncio.create_task(intake())
        replays = await asyncio.gather(*(replayer(n) for n in range(replayers)))
        known = await taking
        taken = sum(each.get("accepted", 0) for each in replays)
        again = sum(each.get("duplicate", 0) for each in replays)
        assert taken + again == len(events)
        assert taken == known
        assert sum(each.get("settled-before", 0) for each in replays) == (replayers - 1) * len(events)
        async with pool.acquire() as connection:
            found = await kept(connection)
            assert (found["accepted"], found["parked"], found["told"]) == (len(events), 0, 0)
        totals, _ = await served(pool)
        assert totals["interactions"] == len(events)

    on_a_database(postgres, work)


class Dying(asyncpg.Connection):  # type: ignore[misc]
    """A connection that is cut just before its n-th statement; a commit is one."""

    left = 10**9

    async def execute(self, *args: Any, **more: Any) -> Any:
        self._live()
        return await super().execute(*args, **more)

    async def _execute(self, *args: Any, **more: Any) -> Any:
        self._live()
        return await super()._execute(*args, **more)

    async def fetchmany(self, *args: Any, **more: Any) -> Any:
        self._live()
        return await super().fetchmany(*args, **more)

    def _live(self) -> None:
        self.left -= 1
        if self.left < 0:
            self.terminate()
            raise ConnectionResetError


@pytest.mark.parametrize(
    "sent",
    [
        event(LATE, "1"),
        event(LATE, "1", "interaction.voided", ANNA, source=source(LATE), id="9", reason="entered-in-error"),
    ],
    ids=["step", "evidence"],
)
def test_a_death_before_any_statement_leaves_it_parked_and_nothing_of_it_stored(
    postgres: Server, sent: dict[str, Any]
) -> None:
    async def work(dsn: str) -> int:
        async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
            async with pool.acquire() as connection:
                await organisation_repository.add_organisations(connection, [ON_THE_REGISTER])
            (id,) = await one_parked(pool, sent)
            deaths = 0
            while True:
                dying = await asyncpg.connect(dsn, connection_class=Dying)
                dying.left = deaths
                try:
                    result = await replay(dying, rules(), id)
                except (ConnectionResetError, asyncpg.InterfaceError):
                    deaths += 1
                    async with pool.acquire() as connection:
                        found = await kept(connection)
                    assert (found["identities"], found["parked"], found["told"]) == (0, 1, 1)
                    continue
                assert result.outcome == "replayed"
                await dying.close()
                async with pool.acquire() as connection:
                    found = await kept(connection)
                assert (found["identities"], found["parked"], found["told"]) == (1, 0, 0)
                return deaths

    async def run() -> int:
        async with postgres.emptied("replay") as dsn:
            return await work(dsn)

    assert asyncio.run(run()) > 8


def test_what_the_database_does_not_take_stays_parked_as_unstorable_until_it_does(postgres: Server) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        (id,) = await one_parked(pool)
        async with pool.acquire() as connection:
            await connection.execute("alter table interaction add constraint none check (false) not valid")
            still = await replay(connection, rules(), id)
            assert (still.outcome, still.reason) == ("still-parked", "unstorable")
            assert "23514" in (still.detail or "")
            assert (await kept(connection))["identities"] == 0
            await connection.execute("alter table interaction drop constraint none")
            assert (await replay(connection, rules(), id)).outcome == "replayed"

    on_a_database(postgres, work)


def test_what_is_read_again_for_another_group_is_parked_and_counted_once(postgres: Server) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        log = Log()
        async with pool.acquire() as connection:
            records = log.records([event(LATE, "1"), b"noise"])
            await log.take(connection, 0, records)
            log.group = "another"
            await log.take(connection, 0, records)
            found = await kept(connection)
        assert (found["parked"], found["told"]) == (2, 2)

    on_a_database(postgres, work)


def test_what_is_discarded_keeps_who_why_and_its_bytes_and_is_not_replayed(postgres: Server) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        first, other = await one_parked(pool, event(LATE, "1"), event(LATE, "2"))
        async with pool.acquire() as connection:
            assert await discard(connection, [first, first, 10**9], "a test", "a mistake") == {first}
            assert await discard(connection, [first], "another", "again") == set()
            row = await parked_repository.read(connection, first)
            assert row is not None
            assert (row.state, row.resolved_by, row.resolution) == ("discarded", "a test", "a mistake")
            assert row.value == b'{"activity":"a step","service":"casework"}'
            assert (await replay(connection, rules(), first)).outcome == "settled-before"
            assert await parked_ids(connection) == [other]
            assert (await kept(connection))["told"] == 1
            with pytest.raises(asyncpg.CheckViolationError):
                await connection.execute("update parked set state = 'discarded' where id = $1", other)

    on_a_database(postgres, work)
