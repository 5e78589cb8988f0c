"""A loop fails for one record: all others proceed, it is told of, and it is taken up once it is mended."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from pathline_gateway.background.works import WORKS
from pathline_gateway.telemetry.instruments import WORK_FAILING
from support.gateways.failing_loops import Fault
from support.gateways.in_process import BATCH, Client, event, ref
from support.servers.webhook_receiver import Sink, listening

VICTIM, NEIGHBOUR, READER = "east", "west", "reader"
TOKEN = "a-token-of-22-characters"
_LONGEST_S = 120
_AIMED: set[UUID] = set()
"""The subscription of the victim."""
_SUBSCRIBED: set[UUID] = set()
"""All that were made: what has another id is a further series of one."""


def _of(*names: str) -> Callable[..., bool]:
    """Whether an argument says one of these of itself."""

    def concerns(*args: Any, **_: Any) -> bool:
        said = repr(args)
        return any(name in said for name in names)

    return concerns


def _is_aimed_at(worker: Any, *_: Any) -> bool:
    """Whether it is about a subscription of the victim, and about no other."""
    known = {worker.id} if hasattr(worker, "id") else set(worker._formulas)
    return bool(known) and known <= _AIMED


def _is_a_series(index: Any, *_: Any) -> bool:
    """Whether it is about a further series, and about nothing else."""
    return bool(index._formulas) and _SUBSCRIBED.isdisjoint(index._formulas)


_HANDOFFS = _of(f"{VICTIM}:h")
_EVENTS = _of(f"urn:pathline:{VICTIM}:desk")
FAULTS = [
    Fault("membership", "identity.membership_writer", "resolve_people", _EVENTS),
    Fault("membership", "identity.handoff_link_derivation", "find_redemptions", _HANDOFFS),
    Fault("hand-offs", "handoffs.event_reader", "group_by_handoff", _HANDOFFS),
    Fault("hand-offs", "handoffs.event_reader", "compute_lifecycle", _HANDOFFS),
    Fault("hand-offs", "handoffs.event_reader", "build_row", _HANDOFFS),
    Fault("hand-offs", "handoffs.side_notices", "is_concealed", _HANDOFFS),
    Fault("silence", "handoffs.watchdog", "find_silences", _HANDOFFS),
    Fault("silence", "handoffs.watchdog", "SilenceNotice.notice_id", _HANDOFFS),
    Fault("silence", "streams.dispatch.handoff_notices", "NoticeRenderer.render_body", _HANDOFFS),
    Fault("closed-hand-offs", "handoffs.telemetry", "_build_ended_span", _HANDOFFS),
    Fault("dispatch", "streams.subscriptions.subscription_index", "redacted_attributes", _EVENTS, everywhere=True),
    Fault("dispatch", "visibility.policy", "_visible_to_organisation", _EVENTS),
    Fault("dispatch", "streams.subscriptions.filter_index", "FilterIndex.iter_matches", _is_aimed_at),
    Fault("delivery", "streams.dispatch.event_rendering", "_render_cloudevent", _EVENTS),
    Fault("replays", "streams.subscriptions.filter_index", "FilterIndex.iter_matches", _is_a_series, replayed=True),
    Fault("webhooks", "streams.webhooks.worker", "SinkWorker._step", _is_aimed_at),
]
"""Each function that a loop calls for one record after the other."""


def _first_of_each_work() -> list[Any]:
    """`make test` makes one function of each work fail, and `make test-long` the others."""
    works = [fault.work for fault in FAULTS]
    marks = [[] if fault.work not in works[:n] else [pytest.mark.long] for n, fault in enumerate(FAULTS)]
    return [pytest.param(fault, marks=mark) for fault, mark in zip(FAULTS, marks, strict=True)]


@dataclass
class Person:
    """Somebody of one organisation: what is published of her, and what has to come of it."""

    client: Client
    org: str
    n: int
    subscriptions: Mapping[str, str]
    """Of the reader, by protocol; and of this person's organisation, by `own`."""

    @property
    def handoffs(self) -> tuple[str, str, str]:
        begin = f"{self.org}:h-{self.n}"
        return f"{begin}-open", f"{begin}-closed", f"{begin}-taken"

    async def publish(self) -> None:
        who, n, (open_, closed, taken) = ref(self.org, self.n), self.n, self.handoffs
        due = {"accept": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
        asked = {"to": {"org": "housing"}, "context_released": False}
        other = {**asked, "token_sha256": "a" * 64}
        hers = {**asked, "token_sha256": hashlib.sha256(f"{TOKEN}-{self.org}-{n}".encode()).hexdigest()}
        agreed = {"holders": [self.org], "recipients": [READER], "purpose": "care", "nouns": ["activity"]}
        again, read = ref(self.org, n + 100), ref(READER, n)
        known = [
            event(self.org, "consent.given", who, f"g-{n}", consent=f"c-{n}", **agreed),
            event(self.org, "identity.linked", who, f"l-{n}", same=[who, again], method="record-key"),
            event("registry", "identity.linked", who, f"{self.org}-{n}", same=[who, read], method="record-key"),
            event(READER, "activity.recorded", read, f"r-{n}", activity=f"{READER} r-{self.org}-{n}"),
        ]
        await self.client.post("/v1/events", 202, known, headers=BATCH)
        await self.client.settled()  # the reader knows her before there is anything to be told
        told = [
            event(self.org, "activity.recorded", who, f"s-{n}", activity=f"{self.org} s-{n}"),
            event(self.org, "activity.recorded", again, f"t-{n}", activity=f"{self.org} t-{n}"),
            event(self.org, "handoff.offered", who, f"o-{n}", handoff=open_, due=due, **other),
            event(self.org, "handoff.offered", who, f"c-{n}", handoff=closed, **other),
            event(self.org, "handoff.cancelled", who, f"x-{n}", handoff=closed) | {"time": "2026-03-01T09:05:00Z"},
            event(self.org, "handoff.offered", who, f"p-{n}", handoff=taken, **hers),
        ]
        await self.client.post("/v1/events", 202, told, headers=BATCH)
        shown = event("housing", "handoff.accepted", ref("housing", n), handoff=taken, token=f"{TOKEN}-{self.org}-{n}")
        shown["time"] = "2026-03-01T09:10:00Z"
        await self.client.post("/v1/events", 202, [shown], headers=BATCH)

    async def is_done(self, connection: asyncpg.Connection) -> bool:
        """Everything has come of it."""
        subjects = [(self.org, self.n), (self.org, self.n + 100), ("housing", self.n)]
        refs = [ref(org, n) for org, n in subjects]
        if not await connection.fetchval(_DONE, *self.handoffs):
            return False
        found = await connection.fetchval(_TOGETHER, [r["org"] for r in refs], [r["subject"] for r in refs])
        return found == 3 and {f"s-{self.n}", f"t-{self.n}"} <= await self.delivered()

    async def delivered(self) -> set[str]:
        """Her events that the reader was handed, each once and the numbers without a gap."""
        page = await self.client.get(f"/v1/subscriptions/{self.subscriptions['PULL']}/events", limit=1000)
        assert [each["number"] for each in page["events"]] == list(range(1, len(page["events"]) + 1))
        told = [each["data"]["activity"] for each in page["events"] if "activity" in each.get("data", {})]
        assert len(told) == len(set(told))
        return {each.removeprefix(f"{self.org} ") for each in told}


_DONE = """
select exists (select from handoff where handoff = $1) and exists (select from handoff where handoff = $2)
    and exists (select from handoff_notice where handoff = $1 and kind = 'silent')
    and exists (select from handoff_telemetry_sent where handoff = $2)
    and exists (select from handoff where handoff = $3 and state = 'accepted')
"""
_TOGETHER = """
select count(*) from unnest($1::text[], $2::text[]) as r(org, subject)
join subject_ref s using (org, subject) join membership m on m.ref = s.id and m.valid_until is null
where m.pathway = (select o.pathway from subject_ref f join membership o on o.ref = f.id and o.valid_until is null
    where f.org = $1[1] and f.subject = $2[1])
"""


@dataclass
class World:
    """A gateway, the reader's subscriptions, and a sink."""

    client: Client
    connection: asyncpg.Connection
    sinks: Mapping[str, Sink]
    subscriptions: dict[str, str] = field(default_factory=dict)

    def person(self, org: str, n: int) -> Person:
        return Person(self.client, org, n, self.subscriptions)

    async def subscribe(self, protocol: str, org: str, **more: Any) -> str:
        wanted = {"protocol": protocol, "config": {"organisation": org, "purpose": "care"}, **more}
        made = str((await self.client.post("/v1/subscriptions", 201, wanted))["id"])
        _SUBSCRIBED.add(UUID(made))
        return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(client: Client) -> AsyncIterator[World]:
    async with contextlib.AsyncExitStack() as stack:
        connection = await asyncpg.connect(client.up.settings.database)
        stack.push_async_callback(connection.close)
        sinks = {org: await stack.enter_async_context(listening()) for org in (VICTIM, NEIGHBOUR)}
        world = World(client, connection, sinks)
        for org in (VICTIM, NEIGHBOUR):
            world.subscriptions[org] = await world.subscribe("HTTP", org, sink=sinks[org].url)
        world.subscriptions["PULL"] = await world.subscribe("PULL", READER)
        # What an event says is read for whoever has a filter that asks, and for nobody else.
        await world.subscribe("PULL", READER, filters=[{"prefix": {"source": "urn:"}}])
        yield world


def test_each_work_that_goes_over_records_has_a_fault_of_its_own() -> None:
    # What an earlier version stored is in no gateway of these tests: tests/gateway/migrations has a fault of its own.
    elsewhere = {"stored-form"}
    assert {fault.work for fault in FAULTS} | elsewhere == {name for name, work in WORKS.items() if work.kind}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fault", _first_of_each_work(), ids=lambda fault: fault.id)
async def test_one_record_that_cannot_be_computed_stops_no_other(world: World, fault: Fault) -> None:
    client, connection, n = world.client, world.connection, 200 * FAULTS.index(fault)
    victim, neighbour, later = (
        world.person(VICTIM, n + 2),
        world.person(NEIGHBOUR, n + 3),
        world.person(NEIGHBOUR, n + 4),
    )
    _AIMED.clear()
    _AIMED.add(UUID(world.subscriptions[VICTIM]))
    with fault.injected():
        await victim.publish()
        await neighbour.publish()
        await _until(lambda: neighbour.is_done(connection))
        await _until(lambda: _is_posted(world, neighbour))
        if fault.replayed:  # the victim's sink is given everything again, as a further series
            again = f"/v1/subscriptions/{world.subscriptions[VICTIM]}/replay"
            await client.post(again, 201, {"from": "2020-01-01T00:00:00Z"})
        await _until(lambda: _fails(client, fault.work))
        ready = await client.http.get("/readyz")
        assert (ready.status_code, ready.json()["failing"]) == (200, [fault.work])
        await later.publish()
        await _until(lambda: later.is_done(connection))
        await _until(lambda: _is_posted(world, later))
        assert not await _is_well(world, victim)
    async with asyncio.timeout(_LONGEST_S):
        while not await _is_well(world, victim):
            await client.post("/v1/set-aside/retry", 200, {})
            await asyncio.sleep(0.1)
    await client.settled()
    assert (await client.get("/v1/set-aside"))["items"] == []


async def _is_well(world: World, victim: Person) -> bool:
    """Nothing fails, and everything has come of what was published of the victim."""
    status = await world.client.get("/v1/status")
    if status["failing"] or any(WORK_FAILING.current_values().values()):
        return False
    series = await world.connection.fetchval("select count(*) from replay where scanned_through < to_seq")
    return not series and await victim.is_done(world.connection) and await _is_posted(world, victim)


async def _is_posted(world: World, person: Person) -> bool:
    """The sink of her organisation has her steps, each once."""
    posted = [each.event for each in world.sinks[person.org].took if each.method == "POST"]
    told = [e["id"] for e in posted if e["type"] == "org.pathline.activity.recorded.v1" and "series" not in e]
    assert len(told) == len(set(told))
    return {f"s-{person.n}", f"t-{person.n}"} <= set(told)


async def _fails(client: Client, work: str) -> bool:
    failing = (await client.get("/v1/status"))["failing"]
    told = [(each["work"], each["reason"]) for each in failing]
    metric = WORK_FAILING.current_values().get((("pathline.work", work),), 0)
    return told == [(work, "Injected")] and failing[0]["records"] >= 1 and metric == failing[0]["records"]


async def _until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(_LONGEST_S):
        while not await holds():
            await asyncio.sleep(0.05)
