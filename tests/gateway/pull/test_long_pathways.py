"""100,000 steps under one subject: nobody's body is long, nobody's request holds the process, nobody waits for hers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from pathline.vocabulary import TYPES, ActivityRecorded
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller
from pathline_gateway.pathways import part_repository
from pathline_gateway.pull.page_range import MAX_STEPS
from support.examples import LONG
from support.gateways.routes import OPERATOR, GatewayRoutes, citizen, purpose_headers, subscriber
from support.intake.history import Event, linked, subject

STEPS = 100_000 if LONG else 20_000
_BLOCKED_S = 0.1
"""No request may hold the event loop longer, counted in the processor's time: the machine may be busy elsewhere."""
_WHOLE_S = 0.5
"""An operator is shown it whole first, beside the loop: what is left is what a collection of its garbage takes."""
_BODY = 2_500_000
_FILL = """
with one as (select * from interaction where id = 'first'), made as (
    insert into interaction (batch, ref, time, source, type, id, sequence, kind, is_access_deciding, payload)
    select batch, ref, time + n * interval '1 second', source, type, 's' || n, sequence, kind, is_access_deciding,
        payload
    from one, generate_series(1, $1) n
    returning source, id, ref, time
)
insert into event_identity (source, id, ref, time{columns}) select source, id, ref, time{values} from made
"""
READERS: dict[str, tuple[Caller, str | None]] = {
    "everybody": (AUTH_DISABLED_CALLER, None),
    "an operator": (OPERATOR, None),
    "its organisation": (subscriber("north"), "care"),
    "another": (subscriber("south"), "care"),
    "another, with no purpose": (subscriber("south"), None),
    "the person": (citizen(subject(7)), None),
}


@dataclass
class Lag:
    """How long the loop's thread worked without a turn for others."""

    longest: float = 0.0
    _last: float = field(default_factory=time.thread_time)

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            self.longest, self._last = max(self.longest, now - self._last), now


@asynccontextmanager
async def watched() -> AsyncIterator[Lag]:
    lag = Lag()
    watching = asyncio.create_task(lag.watch())
    try:
        yield lag
    finally:
        watching.cancel()


def activity(org: str, id: str, n: int, minute: int = 0) -> Event:
    payload = ActivityRecorded(activity="Opened", service="casework", channel="web")
    return Event(org, id, subject(n), payload, minute)


async def filled(gateway: GatewayRoutes, steps: int) -> None:
    """One subject with so many steps, and two other names of hers."""
    north, south, hers = (
        {"org": org, "subject": subject(n)} for org, n in (("north", 1), ("south", 2), ("citizen", 7))
    )
    await gateway.publish(activity("north", "first", 1), activity("south", "other", 2), activity("citizen", "hers", 7))
    await gateway.publish(linked("a", south, north), linked("b", hers, north))
    columns = await gateway.pool.fetch(
        "select column_name from information_schema.columns where table_name = 'event_identity'"
    )
    besides = [row[0] for row in columns if row[0] not in ("source", "id", "ref", "time")]
    named = "".join(f", {name}" for name in besides)
    kept = "".join(f", (select {name} from event_identity limit 1)" for name in besides)
    await gateway.pool.execute(_FILL.format(columns=named, values=kept), steps)
    await gateway.pool.execute("analyze interaction")
    given = TYPES["org.pathline.consent.given.v1"].model_validate(
        {"consent": "c", "holders": ["north"], "recipients": ["south"], "nouns": ["activity"], "purpose": "care"}
    )
    await gateway.publish(Event("north", "consent", subject(1), given))


@pytest.fixture
async def long(gateway: GatewayRoutes) -> GatewayRoutes:
    await filled(gateway, STEPS)
    return gateway


async def name(gateway: GatewayRoutes, caller: Caller) -> str:
    org, n = {"south": ("south", 2), None: ("north", 1)}.get(caller.org, ("north", 1))
    if caller.account is not None:
        org, n = "citizen", 7
    found = await gateway.find(caller, org, subject(n))
    assert found is not None
    return found


@pytest.mark.scaled
async def test_no_body_is_long_and_no_request_holds_the_process(long: GatewayRoutes) -> None:
    await long.pool.execute("select 1")
    held: dict[str, float] = {}
    for reader, (caller, purpose) in READERS.items():
        path = f"/v1/pathways/{await name(long, caller)}"
        asked: list[tuple[str, dict[str, Any]]] = [(path, {}), (f"{path}/trace", {})]
        first = await long.request(caller, "GET", path, headers=purpose_headers(purpose))
        assert first.status_code == 200, first.text[:300]
        few = reader == "another, with no purpose"
        assert (len(first.json()["steps"]), "next" in first.json()) == ((1, False) if few else (MAX_STEPS, True)), (
            reader
        )
        if not few:
            asked.append((path, {"after": first.json()["next"]}))
        for where, said in asked:
            async with watched() as lag:
                answer = await long.request(caller, "GET", where, params=said, headers=purpose_headers(purpose))
            assert answer.status_code == 200
            assert len(answer.content) < _BODY
            held[f"{reader} {where[len(path) :]} {[*said]}"] = lag.longest
    too_long = {what: s for what, s in held.items() if s > (_WHOLE_S if "operator" in what else _BLOCKED_S)}
    assert too_long == {}


@pytest.mark.scaled
async def test_a_page_costs_the_same_however_long_the_pathway_is(gateway: GatewayRoutes) -> None:
    async def cost(after: str | None = None) -> tuple[float, str]:
        said = {} if after is None else {"after": after}
        began = time.process_time()
        answer = await gateway.request(
            AUTH_DISABLED_CALLER, "GET", f"/v1/pathways/{await name(gateway, AUTH_DISABLED_CALLER)}", params=said
        )
        assert len(answer.json()["steps"]) == MAX_STEPS
        return time.process_time() - began, str(answer.json()["next"])

    async def least() -> float:
        found = [await cost() for _ in range(4)]
        return min([each for each, _ in found] + [(await cost(after))[0] for _, after in found])

    await filled(gateway, 3 * MAX_STEPS)
    short = await least()
    columns = "select id from interaction where id = 's1'"
    assert await gateway.pool.fetchval(columns) == "s1"
    await gateway.pool.execute("update interaction set id = 'x' || id where id like 's%'")
    await gateway.pool.execute("update event_identity set id = 'x' || id where id like 's%'")
    await gateway.pool.execute(
        "insert into interaction (batch, ref, time, source, type, id, sequence, kind, is_access_deciding, payload)"
        " select batch, ref, time + n * interval '1 hour', source, type, 'y' || n, sequence, kind, is_access_deciding,"
        " payload from (select * from interaction where id = 'first') one, generate_series(1, $1) n",
        STEPS,
    )
    await gateway.pool.execute("analyze interaction")
    assert await least() < 3 * short


@pytest.mark.scaled
async def test_a_new_step_is_handed_out_without_a_look_at_the_others(long: GatewayRoutes) -> None:
    """What others are given is not late by it: of the time that it takes, the loop's thread has a small part."""
    for org in ("south", "south", "north"):
        said = {"protocol": "PULL", "config": {"organisation": org, "purpose": "care"}}
        made = await long.request(subscriber(org), "POST", "/v1/subscriptions", json=said)
        assert made.status_code == 201, made.text
    await long.dispatch(everything=False)

    async def spent(work: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
        async with watched() as lag:
            began = time.process_time()
            await work()
            return time.process_time() - began, lag.longest

    async def time_dispatch(id: str, n: int) -> tuple[float, float]:
        await long.publish(activity("north", id, n, minute=100_000))
        return await spent(lambda: long.dispatch(everything=False))

    await time_dispatch("warm", 1)
    of_long = min([await time_dispatch(f"long {n}", 1) for n in range(3)])
    of_short = min([await time_dispatch(f"short {n}", 50 + n) for n in range(3)])
    assert of_long[1] < _BLOCKED_S
    assert of_long[0] < of_short[0] + 0.1
    subscription = (await long.request(subscriber("south"), "GET", "/v1/subscriptions")).json()["subscriptions"][0][
        "id"
    ]
    events = (await long.request(subscriber("south"), "GET", f"/v1/subscriptions/{subscription}/events")).json()[
        "events"
    ]
    assert {"warm", "long 0"} & {each.get("id") for each in events} == set()  # told, under names of its own
    assert len([each for each in events if "withheld" not in each]) >= 4


async def test_what_is_hidden_under_others_names_is_not_read(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also not where its organisation has offered her to somebody, or said that others may see what it holds."""
    await filled(gateway, 2 * MAX_STEPS)
    asked = {"to": {"org": "clinic"}, "token_sha256": "0" * 64, "context_released": True}
    offer = TYPES["org.pathline.handoff.offered.v1"].model_validate({"handoff": "north:1", **asked})
    agreed = {"consent": "d", "holders": [], "recipients": ["clinic"], "nouns": ["activity"], "purpose": "care"}
    consent = TYPES["org.pathline.consent.given.v1"].model_validate(agreed)
    await gateway.publish(Event("north", "offer", subject(1), offer), Event("north", "agreed", subject(1), consent))
    read: list[int] = []
    after = part_repository.load_steps_after

    async def counted(*said: Any, **named: Any) -> Any:
        found = await after(*said, **named)
        read.append(len(found.rows))
        return found

    monkeypatch.setattr(part_repository, "load_steps_after", counted)
    for purpose in (None, "other"):
        path = f"/v1/pathways/{await name(gateway, subscriber('south'))}"
        answer = await gateway.request(subscriber("south"), "GET", path, headers=purpose_headers(purpose))
        assert len(answer.json()["steps"]) == 1
    assert read
    assert sum(read) < 10
