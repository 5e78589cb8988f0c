"""What revisions promise: whatever was served stays true while they stay, and changes only with them or with time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import orjson
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from starlette.responses import Response

from pathline.vocabulary import ActivityRecorded, HandoffCancelled
from pathline_gateway.embedded import Machine
from pathline_gateway.pull.body_cache import BodyCache
from pathline_gateway.pull.unrestricted import pull_pathway
from pathline_gateway.web.problem import Problem
from support.examples import examples
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
    retracted,
    step,
    subject,
    voided,
)
from support.postgres.fresh_database import drop_database, fresh_database

ORGS = ("east", "west", "citizen")
SECRET = b"k" * 32
DUE = START + timedelta(hours=2)
LATER = DUE + timedelta(hours=1)

orgs, people = st.sampled_from(ORGS), st.integers(0, 2)
minutes, ids = st.integers(0, 9), st.integers(0, 3)
refs = st.builds(ref, orgs, people)
handoffs = st.sampled_from(["east:h", "west:h"])


targets = st.sampled_from(["s-1", "a-east:h", "o-west:h"])


def cancelled(org: str, id: str, n: int, handoff: str, minute: int) -> Event:
    return Event(org, id, subject(n), HandoffCancelled(handoff=handoff), minute)


acts = st.one_of(
    st.builds(lambda org, id, n, minute: step(org, f"s-{id}", n, minute), orgs, ids, people, minutes),
    st.builds(
        lambda handoff, to, n, minute, due: offered(handoff[:4], f"o-{handoff}", n, to, handoff, minute, due),
        *(handoffs, st.sampled_from([*ORGS, "unknown"]), people, minutes, st.sampled_from([None, DUE])),
    ),
    st.builds(lambda org, n, h, minute: accepted(org, f"a-{h}", n, h, minute), orgs, people, handoffs, minutes),
    st.builds(lambda org, n, h, minute: cancelled(org, f"x-{h}", n, h, minute), orgs, people, handoffs, minutes),
    st.builds(
        lambda org, id, t: voided(org, f"v-{id}", t), orgs, ids, st.sampled_from(["s-1", "a-east:h", "o-west:h"])
    ),
    st.builds(lambda org, id, t: corrected(org, f"c-{id}", f"s-{t}", "Moved"), orgs, ids, ids),
    st.builds(lambda id, a, b: linked(f"l-{id}", a, b) if a != b else step("east", "s-9"), ids, refs, refs),
    st.builds(lambda id, a, b: distinguished(f"d-{id}", a, b) if a != b else step("west", "s-9"), ids, refs, refs),
    st.builds(lambda id, t: retracted(f"r-{id}", f"l-{t}"), ids, ids),
)
batches = st.lists(st.tuples(st.lists(acts, min_size=1, max_size=3), st.booleans()), min_size=1, max_size=8)


class Answers:
    """What was ever answered about each pathway, with a cache and without."""

    def __init__(self, database: asyncpg.Pool) -> None:
        self._pool, self._cache = database, BodyCache(2**20)
        self._bodies: dict[tuple[UUID, str], bytes] = {}

    async def check(self, now: datetime) -> dict[UUID, tuple[str, bytes]]:
        """The cached answer is the fresh one, and a version has one body; 304 is for whoever has the current one."""
        found = {}
        for row in await self._pool.fetch("select anchor_id from subject_ref"):
            pathway = row["anchor_id"]
            fresh = await self._pull(pathway, now, BodyCache(0))
            kept = await self._pull(pathway, now, self._cache)
            assert (kept.status_code, kept.body, kept.headers.get("etag")) == (
                fresh.status_code,
                fresh.body,
                fresh.headers.get("etag"),
            )
            if fresh.status_code != 200:
                continue
            etag = fresh.headers["etag"]
            assert self._bodies.setdefault((pathway, etag), bytes(fresh.body)) == fresh.body
            for cache in (self._cache, BodyCache(0)):
                assert (await self._pull(pathway, now, cache, etag)).status_code == 304
            found[pathway] = etag, _without_version(bytes(fresh.body))
        for pathway, etag in self._bodies:
            if pathway in found and found[pathway][0] != etag:
                assert (await self._pull(pathway, now, self._cache, etag)).status_code == 200
        return found

    async def _pull(self, pathway: UUID, now: datetime, cache: BodyCache, etag: str | None = None) -> Response:
        try:
            return await pull_pathway(self._pool, SECRET, lambda: now, pathway, etag, cache=cache)
        except Problem as problem:
            return problem.to_response()


def _without_version(body: bytes) -> bytes:
    return orjson.dumps(orjson.loads(body) | {"version": ""})


@given(history=batches)
@examples(40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_kept_is_what_would_be_served(machine: Machine, history: list[tuple[list[Event], bool]]) -> None:
    database = await fresh_database(machine)
    connection = await asyncpg.connect(database)
    pool = await asyncpg.create_pool(database, min_size=1, max_size=1)
    try:
        await open_log(connection)
        log, repeated, answers = Partition(), Partition(1), Answers(pool)
        for events, then_bound in history:
            before = await answers.check(START)
            await log.apply(connection, *events)
            if then_bound:
                await bind_all_evidence(database)
            for now in (START, DUE, LATER, START):
                await answers.check(now)
            # Sent once more, nothing of it is new, and no version moves.
            now_told = await answers.check(START)
            await repeated.apply(connection, *events)
            assert await answers.check(START) == now_told
            touched = {each.subject for each in events}
            untouched = {key: told for key, told in before.items() if not _names_any(told[1], touched)}
            if not then_bound and all(isinstance(each.payload, ActivityRecorded) for each in events):
                assert {key: told for key, told in now_told.items() if key in untouched} == untouched
    finally:
        await pool.close()
        await connection.close()
        await drop_database(machine, database)


def _names_any(body: bytes, subjects: set[str]) -> bool:
    return any(name.encode() in body for name in subjects)


def _every(step: datetime) -> Iterator[datetime]:
    yield from (step - timedelta(microseconds=1), step, step + timedelta(microseconds=1))


async def test_a_version_changes_in_the_microsecond_after_a_deadline(
    machine: Machine,
) -> None:
    database = await fresh_database(machine)
    connection = await asyncpg.connect(database)
    pool = await asyncpg.create_pool(database, min_size=1, max_size=1)
    try:
        await open_log(connection)
        await Partition().apply(
            connection, step("west", "s", 9), offered("east", "o", 1, "west", "east:h", due=DUE), step("east", "t", 1)
        )
        answers = Answers(pool)
        told = [set((await answers.check(now)).values()) for now in _every(DUE)]
        assert told[0] == told[1] != told[2]
    finally:
        await pool.close()
        await connection.close()
        await drop_database(machine, database)
