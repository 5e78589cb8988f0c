"""Tokens that are shown without end: what one organisation shows holds up nobody else's answer, or link."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from gateway.intake.stored_evidence import check_bound_evidence, find_pathway_of, register_strictly, store_events
from pathline_gateway.identity import membership_repository
from pathline_gateway.identity.membership_writer import MembershipWriter
from pathline_gateway.status import repository as status_repository
from support.gateways.routes import GatewayRoutes, subscriber
from support.gateways.subscriptions import subscribe_by_pull
from support.intake.history import Event, accepted, linked, offered, ref, step

FLOOD = int(os.environ.get("PATHLINE_TEST_TOKENS_SHOWN", "1500"))
_LARGEST = 4_096


def _flood() -> list[Event]:
    """One organisation shows tokens of hand-offs that nobody knows, each under a record of its own."""
    return [accepted("chainer", f"a{n}", n, f"chainer:h{n}") for n in range(FLOOD)]


async def _turns(gateway: GatewayRoutes) -> list[float]:
    writer, turns = MembershipWriter(gateway.pool), [time.monotonic()]
    while await writer.bind_batch():
        turns.append(time.monotonic())
    worst = max(later - earlier for earlier, later in pairwise(turns))
    print(f"{len(turns) - 1} turns, {turns[-1] - turns[0]:.1f} s, the longest {worst:.2f} s")
    return turns


async def test_an_answer_behind_a_flood_of_tokens_is_bound_in_the_first_turn(gateway: GatewayRoutes) -> None:
    await register_strictly(gateway)
    await store_events(gateway, [offered("clinic", "o", 1, "housing", "clinic:h")])
    await store_events(gateway, _flood())
    await store_events(gateway, [accepted("housing", "a", 1, "clinic:h", minute=1)])
    waiting = FLOOD + 1
    assert await MembershipWriter(gateway.pool).bind_batch() == 200
    assert await find_pathway_of(gateway, "clinic") == await find_pathway_of(gateway, "housing")
    async with gateway.pool.acquire() as connection:
        assert (await status_repository.load_totals(connection))["unbound"] == waiting - 200
    await check_bound_evidence(gateway)
    turns = await _turns(gateway)
    assert len(turns) == (waiting - 1) // 200 + 1
    assert await gateway.pool.fetchval("select count(*) from handoff_input_seen_ahead") == 0
    assert await gateway.pool.fetchval("select count(*) from unseen_handoff_input") == 0
    await check_bound_evidence(gateway)


async def test_tokens_of_large_groups_are_looked_at_a_few_groups_at_a_time(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hand-off joins a group of sixty records of one organisation with one of another."""
    await register_strictly(gateway)
    groups, size = 60, 60
    chains = [
        replace(linked(f"{org}-l{group}-{n}", ref(org, group * 1_000 + n - 1), ref(org, group * 1_000 + n)), org=org)
        for org in ("chainer", "registry")
        for group in range(groups)
        for n in range(1, size)
    ]
    await store_events(gateway, chains)
    await _turns(gateway)
    await store_events(
        gateway, [offered("registry", f"o{g}", g * 1_000, "chainer", f"registry:h{g}") for g in range(groups)]
    )
    await store_events(
        gateway, [accepted("chainer", f"a{g}", g * 1_000, f"registry:h{g}", minute=1) for g in range(groups)]
    )
    await store_events(gateway, [offered("clinic", "o", 1, "housing", "clinic:h")])
    await store_events(gateway, [accepted("housing", "a", 1, "clinic:h", minute=1)])
    bound: list[int] = []
    real = membership_repository.open_memberships

    async def counted(connection: object, refs: list[int]) -> object:
        bound.append(len(refs))
        return await real(connection, refs)

    monkeypatch.setattr(membership_repository, "open_memberships", counted)
    assert await MembershipWriter(gateway.pool).bind_batch()
    assert await find_pathway_of(gateway, "clinic") == await find_pathway_of(gateway, "housing")
    await check_bound_evidence(gateway)
    await _turns(gateway)
    assert max(bound) <= _LARGEST
    assert sum(bound) == groups * 2 * size + 2
    joined = "select count(*) from (select from membership where valid_until is null group by pathway) p"
    assert await gateway.pool.fetchval(joined) == groups + 1
    await check_bound_evidence(gateway)


async def test_events_of_an_answer_are_delivered_while_the_tokens_of_others_still_wait(gateway: GatewayRoutes) -> None:
    """What was held for the answer's token waits for no token of others that came before it."""
    await register_strictly(gateway)
    subscription = await subscribe_by_pull(gateway, subscriber("clinic"), "clinic")
    await gateway.publish(offered("clinic", "o", 1, "housing", "clinic:h"))
    await gateway.dispatch(everything=False)
    await store_events(gateway, _flood())
    await store_events(gateway, [accepted("housing", "a", 1, "clinic:h", minute=1)])
    await store_events(gateway, [step("clinic", "after", 1, minute=2)])
    await gateway.dispatch(everything=False)  # nothing of them is bound: they are held
    assert await _told(gateway, subscription) == [("handoff.offered", "clinic")]
    assert await MembershipWriter(gateway.pool).bind_batch() == 200
    assert await gateway.pool.fetchval("select count(*) from unseen_handoff_input") == FLOOD + 1 - 200
    await gateway.dispatch(everything=False)
    assert await _told(gateway, subscription) == [
        ("handoff.offered", "clinic"),
        ("handoff.accepted", "housing"),
        ("activity.recorded", "clinic"),
    ]


async def _told(gateway: GatewayRoutes, subscription: str) -> list[tuple[str, str]]:
    """Type and organisation of each event, in the order of their numbers."""
    answer = await gateway.request(
        subscriber("clinic"), "GET", f"/v1/subscriptions/{subscription}/events", params={"limit": 1000}
    )
    events = answer.json()["events"]
    return [
        (each["type"].removeprefix("org.pathline.").removesuffix(".v1"), each["source"].split(":")[2])
        for each in events
    ]
