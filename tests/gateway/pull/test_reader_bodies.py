"""A body that is kept for a reader is what she would be served now, and it is logged as that."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from starlette.responses import Response

from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.reader import reader_of
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.embedded import Machine
from pathline_gateway.pull.lifespan import Lifespan
from pathline_gateway.pull.reader_body_cache import KeptBody, ReaderBodyCache
from pathline_gateway.pull.request import PullRequest
from pathline_gateway.pull.restricted import RestrictedReader, parse_stated_purpose
from pathline_gateway.visibility import lawful_basis_repository, registrar_repository
from pathline_gateway.visibility.lawful_basis import LawfulBasis
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import handle_of
from pathline_gateway.visibility.policy_revisions import PolicyRevisions
from pathline_gateway.web.problem import Problem
from support.examples import examples
from support.gateways.routes import NO_PADDING, OPERATOR, SECRET, citizen, helper, subscriber
from support.intake.history import (
    START,
    Event,
    Partition,
    accepted,
    bind_all_evidence,
    corrected,
    distinguished,
    linked,
    offered,
    open_log,
    ref,
    step,
    subject,
    voided,
)
from support.intake.life import make_event
from support.postgres.fresh_database import drop_database, fresh_database

ORGS = ("east", "west", "citizen")
DUE = START + timedelta(hours=2)
INSTANTS = (START + timedelta(minutes=5), DUE - timedelta(microseconds=1), DUE, DUE + timedelta(hours=1))
UNTIL = DUE.isoformat()
LAW = "law;instrument=act-1"

READERS: Sequence[tuple[Caller, str | None, str | None]] = (
    (OPERATOR, None, None),
    (subscriber("east"), None, None),
    (subscriber("east"), "care", None),
    (subscriber("west"), "care", LAW),
    (citizen(subject(1)), None, None),
    (helper(subject(2)), None, None),
)

people, minutes, ids = st.integers(0, 2), st.integers(0, 9), st.integers(0, 3)
orgs, handoffs = st.sampled_from(ORGS), st.sampled_from(["east:h", "west:h"])
refs = st.builds(ref, orgs, people)
untils = st.sampled_from([None, UNTIL])


def with_until(data: dict[str, Any], until: str | None) -> dict[str, Any]:
    return data if until is None else {**data, "until": until}


def consent(org: str, id: int, n: int, minute: int, until: str | None) -> Event:
    data = {"consent": "c", "holders": [], "recipients": ["east", "west"], "nouns": ["activity"], "purpose": "care"}
    return make_event(org, f"k-{id}", "consent.given", n, minute, **with_until(data, until))


def consent_end(org: str, id: int, n: int, minute: int) -> Event:
    return make_event(org, f"ke-{id}", "consent.withdrawn", n, minute, consent="c", purpose="care")


def mandate(org: str, id: int, n: int, minute: int, until: str | None) -> Event:
    data = {"mandate": "m", "agent": ref("citizen", 2), "services": [], "powers": ["see"]}
    return make_event(org, f"m-{id}", "mandate.given", n, minute, **with_until(data, until))


def mandate_end(org: str, id: int, n: int, minute: int) -> Event:
    return make_event(org, f"me-{id}", "mandate.withdrawn", n, minute, mandate="m")


events = st.one_of(
    st.builds(lambda org, id, n, minute: step(org, f"s-{id}", n, minute), orgs, ids, people, minutes),
    st.builds(
        lambda handoff, to, n, minute, due: offered(handoff[:4], f"o-{handoff}", n, to, handoff, minute, due),
        *(handoffs, st.sampled_from([*ORGS, "unknown"]), people, minutes, st.sampled_from([None, DUE])),
    ),
    st.builds(lambda org, n, h, minute: accepted(org, f"a-{h}", n, h, minute), orgs, people, handoffs, minutes),
    st.builds(consent, orgs, ids, people, st.sampled_from([1, 60]), untils),
    st.builds(consent_end, orgs, ids, people, minutes),
    st.builds(mandate, orgs, ids, people, st.sampled_from([1, 60]), untils),
    st.builds(mandate_end, orgs, ids, people, minutes),
    st.builds(lambda org, id, t: voided(org, f"v-{id}", t), orgs, ids, st.sampled_from(["s-1", "m-1", "o-west:h"])),
    st.builds(lambda org, id, t: corrected(org, f"c-{id}", f"s-{t}", "Moved"), orgs, ids, ids),
    st.builds(lambda id, a, b: linked(f"l-{id}", a, b) if a != b else step("east", "s-9"), ids, refs, refs),
    st.builds(lambda id, a, b: distinguished(f"d-{id}", a, b) if a != b else step("west", "s-9"), ids, refs, refs),
)

Entry = Callable[[asyncpg.Connection], Awaitable[object]]
"""What an operator enters."""


def concealed(org: str, service: str | None, who: str | None) -> Entry:
    return lambda connection: concealment_repository.conceal(connection, org, service, who, "operator")


def lifted(org: str, service: str | None, who: str | None) -> Entry:
    return lambda connection: concealment_repository.lift(connection, org, service, who)


def basis(until: datetime | None) -> Entry:
    entered = LawfulBasis("west", "law", "act-1", "care", (), ("activity",), until)
    return lambda connection: lawful_basis_repository.insert_basis(connection, entered, "operator")


targets = st.one_of(
    st.tuples(st.sampled_from(["east", "west"]), st.none(), st.none()),
    st.tuples(st.sampled_from(["east", "west"]), st.just("casework"), st.none()),
    st.tuples(orgs, st.none(), people.map(subject)),
)
entries = st.one_of(
    targets.map(lambda each: concealed(*each)),
    targets.map(lambda each: lifted(*each)),
    st.sampled_from([None, DUE]).map(basis),
    st.just(lambda connection: lawful_basis_repository.end_basis(connection, 1)),
    st.just(lambda connection: registrar_repository.add(connection, "east", "operator")),
    st.just(lambda connection: registrar_repository.remove(connection, "east")),
    st.just(
        lambda connection: connection.execute(
            "insert into organisation (org, registered_by) values ('unknown', 'operator') on conflict do nothing"
        )
    ),
)
batches = st.tuples(st.lists(events, min_size=1, max_size=3), st.booleans())
histories = st.lists(st.tuples(st.one_of(batches, entries), st.sampled_from(INSTANTS)), min_size=1, max_size=6)
LIFE = (
    *(step(org, f"s-{org}-{n}", n) for org in ORGS for n in (1, 2)),
    *(linked(f"first-{org}-{n}", ref(org, n), ref("citizen", n)) for org in ("east", "west") for n in (1, 2)),
)


@dataclass
class Answers:
    """What each reader is answered about each pathway, with a cache that lasts and without one."""

    pool: asyncpg.Pool
    cache: ReaderBodyCache = field(default_factory=lambda: ReaderBodyCache(2**22))
    now: datetime = INSTANTS[0]
    hits: int = 0

    async def check(self, now: datetime) -> list[list[object]]:
        """The answers are equal, and so is what is logged of them. The bodies of each reader."""
        self.now = now
        anchors = [row["anchor_id"] for row in await self.pool.fetch("select anchor_id from subject_ref")]
        bodies: list[list[object]] = []
        for caller, purpose, authority in READERS:
            bodies.append([])
            request = PullRequest(caller, purpose, authority)
            reader = reader_of(caller, parse_stated_purpose(request))
            assert reader is not None
            for anchor_id in anchors:
                name = handle_of(reader, ReaderKey(SECRET, reader.name), anchor_id)
                before = self.cache.find(reader, name, now)
                kept = await self.pull(request, name, self.cache)
                self.hits += before is not None and self.cache.find(reader, name, now) is before
                fresh = await self.pull(request, name, ReaderBodyCache(0))
                assert kept == fresh
                bodies[-1].append(fresh[1])
        return bodies

    async def pull(self, request: PullRequest, name: UUID, cache: ReaderBodyCache) -> tuple[object, ...]:
        """The answer, and the row that it left."""
        reading = RestrictedReader(self.pool, SECRET, lambda: self.now, NO_PADDING, cache)
        before = await self.pool.fetchval("select coalesce(max(id), 0) from access")
        try:
            response: Response = await reading.pull(request, name, None)
        except Problem as problem:
            response = problem.to_response()
        rows = await self.pool.fetch("select * from access where id > $1", before)
        (row,) = [{**row, "id": None, "accessed_at": None} for row in rows]
        return response.status_code, response.body, dict(response.headers), row


@dataclass
class Store:
    """A database of its own, and what it is told."""

    database: str
    connection: asyncpg.Connection
    answers: Answers
    log: Partition = field(default_factory=Partition)

    async def take(self, act: tuple[list[Event], bool] | Entry) -> None:
        """It is done."""
        if callable(act):
            await act(self.connection)
            return
        await self.log.apply(self.connection, *act[0])
        if act[1]:
            await bind_all_evidence(self.database)


@contextlib.asynccontextmanager
async def store_with_life(machine: Machine) -> AsyncIterator[Store]:
    database = await fresh_database(machine)
    connection = await asyncpg.connect(database)
    pool = await asyncpg.create_pool(database, min_size=1, max_size=1)
    try:
        await open_log(connection)
        store = Store(database, connection, Answers(pool))
        await store.take((list(LIFE), True))
        yield store
    finally:
        await pool.close()
        await connection.close()
        await drop_database(machine, database)


@given(history=histories)
@examples(40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_kept_is_what_each_reader_would_be_served(
    machine: Machine, history: list[tuple[tuple[list[Event], bool] | Entry, datetime]]
) -> None:
    async with store_with_life(machine) as store:
        await store.answers.check(INSTANTS[0])
        for act, now in history:
            await store.take(act)
            await store.answers.check(INSTANTS[0])
            await store.answers.check(now)
        await store.answers.check(INSTANTS[0])
        assert store.answers.hits > 0


def batch(*events: Event) -> tuple[list[Event], bool]:
    return list(events), True


FIRST, LAST = INSTANTS[0], INSTANTS[-1]
ACTS: dict[str, tuple[int, Sequence[tuple[list[Event], bool] | Entry], tuple[list[Event], bool] | Entry | None]] = {
    "a step of her own": (1, [], batch(step("east", "s-9", 1))),
    "a void": (0, [], batch(voided("west", "v", "s-west-1"))),
    "a correction": (0, [], batch(corrected("west", "c", "s-west-1", "Moved"))),
    "a consent": (2, [], batch(consent("citizen", 1, 1, 1, None))),
    "the end of a consent": (2, [batch(consent("citizen", 1, 1, 1, None))], batch(consent_end("citizen", 1, 1, 2))),
    "a mandate": (5, [], batch(mandate("citizen", 1, 1, 1, None))),
    "the end of a mandate": (5, [batch(mandate("citizen", 1, 1, 1, None))], batch(mandate_end("citizen", 1, 1, 2))),
    "an organisation that conceals": (0, [], concealed("west", None, None)),
    "a service that is concealed": (0, [], concealed("west", "casework", None)),
    "a ref that is concealed": (4, [], concealed("west", None, subject(1))),
    "a concealment that is lifted": (0, [concealed("west", None, None)], lifted("west", None, None)),
    "a lawful basis": (3, [], basis(None)),
    "the end of a lawful basis": (3, [basis(None)], lambda c: c.execute("update lawful_basis set until = $1", START)),
    "a registrar": (5, [batch(mandate("east", 1, 1, 1, None))], lambda c: registrar_repository.add(c, "east", "op")),
    "a link": (0, [], batch(linked("l", ref("citizen", 1), ref("citizen", 2)))),
    "an answer": (0, [batch(offered("east", "o", 1, "west", "east:h"))], batch(accepted("west", "a", 1, "east:h"))),
    "nothing but that a consent ends": (2, [batch(consent("citizen", 1, 1, 1, UNTIL))], None),
    "nothing but that a consent begins": (2, [batch(consent("citizen", 1, 1, 60, None))], None),
    "nothing but that a mandate ends": (5, [batch(mandate("citizen", 1, 1, 1, UNTIL))], None),
    "nothing but that a basis ends": (3, [basis(DUE)], None),
    "nothing but that an answer is late": (1, [batch(offered("east", "o", 1, "west", "east:h", due=DUE))], None),
}


@pytest.mark.parametrize("name", ACTS)
async def test_a_reader_is_served_otherwise_at_once_after(machine: Machine, name: str) -> None:
    place, before, act = ACTS[name]
    async with store_with_life(machine) as store:
        for each in before:
            await store.take(each)
        told = await store.answers.check(FIRST)
        hits = store.answers.hits
        assert await store.answers.check(FIRST) == told
        assert store.answers.hits > hits
        if act is not None:
            await store.take(act)
        assert (await store.answers.check(FIRST if act is not None else LAST))[place] != told[place]


async def test_a_receiver_that_is_registered_can_be_silent_at_once(machine: Machine) -> None:
    async with store_with_life(machine) as store:
        await store.take(batch(offered("east", "o", 1, "unknown", "east:h", due=DUE)))
        told = await store.answers.check(LAST)
        await store.connection.execute("insert into organisation (org, registered_by) values ('unknown', 'operator')")
        assert (await store.answers.check(LAST))[1] != told[1]


WHO = reader_of(subscriber("east"))
NAME, OTHER = UUID(int=1), UUID(int=2)


def kept_body(size: int = 10, register: int = 0) -> KeptBody:
    lifespan = Lifespan(INSTANTS[0], DUE)
    revisions = PolicyRevisions([1], [1], [1], register)
    return KeptBody("v", b"x" * size, UUID(int=9), revisions, lifespan, frozenset((1,)), None, False)


def test_what_operators_enter_empties_the_room_when_it_is_seen() -> None:
    assert WHO is not None
    cache = ReaderBodyCache(2**20)
    cache.put(WHO, NAME, kept_body())
    cache.put(WHO, OTHER, kept_body(register=1))
    assert cache.find(WHO, NAME, DUE) is None
    assert cache.find(WHO, OTHER, DUE) is not None
    cache.put(WHO, NAME, kept_body())  # read before, and late
    assert cache.find(WHO, NAME, DUE) is None


@pytest.mark.parametrize("now", [INSTANTS[0] - timedelta(microseconds=1), DUE + timedelta(microseconds=1)])
def test_a_body_is_not_found_outside_its_time(now: datetime) -> None:
    assert WHO is not None
    cache = ReaderBodyCache(2**20)
    cache.put(WHO, NAME, kept_body())
    assert cache.find(WHO, NAME, now) is None


@given(sizes=st.lists(st.integers(0, 20_000), max_size=60))
def test_the_room_is_bounded_and_the_last_is_kept(sizes: list[int]) -> None:
    assert WHO is not None
    cache = ReaderBodyCache(100_000)
    for n, size in enumerate(sizes):
        body = kept_body(size)
        cache.put(WHO, UUID(int=n % 20), body)
        assert cache._bytes == sum(each.size for each in cache._bodies.values()) <= cache.max_bytes
        assert (cache.find(WHO, UUID(int=n % 20), DUE) is body) == (body.size * 16 <= cache.max_bytes)
