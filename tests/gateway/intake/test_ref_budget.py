"""Hand-offs without end under one record are cut; answers to what others offered, and everybody else, are not."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest

from pathline.vocabulary import HandoffCancelled, HandoffOffered, HandoffSeen
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.intake.batch_transaction import ApplyTarget
from pathline_gateway.limits.table import Limits
from support.gateways.routes import GatewayRoutes
from support.intake.history import GROUP, Event, linked, ref, subject

PERSON = 1


def offer(org: str, n: int, to: str = "housing", under: int = PERSON) -> Event:
    said = {"handoff": f"{org}:{n}", "to": {"org": to}, "token_sha256": "0" * 64, "context_released": False}
    return Event(org, f"o{n}", subject(under), HandoffOffered.model_validate(said), n)


def seen(org: str, of: str, n: int, under: int = PERSON) -> Event:
    return Event(org, f"s-{of}-{n}", subject(under), HandoffSeen(handoff=f"{of}:{n}"), n)


def cancelled(org: str, n: int, under: int = PERSON) -> Event:
    return Event(org, f"x{n}", subject(under), HandoffCancelled(handoff=f"clinic:{n}"), 5_000 + n)


async def publish_and_project(gateway: GatewayRoutes, *some: Event) -> None:
    await gateway.publish(*some)
    while await project_next_batch(gateway.pool):
        pass


async def parked(gateway: GatewayRoutes) -> Counter[str]:
    return Counter(
        row["reason"] for row in await gateway.pool.fetch("select reason from parked where state = 'parked'")
    )


def strictly(gateway: GatewayRoutes, most: int) -> None:
    gateway.partition.into = ApplyTarget(GROUP, register_unknown=True, limits=Limits(handoff_events_of_record=most))


@pytest.mark.limit("handoff-events-of-record")
async def test_more_than_so_many_events_of_ever_other_hand_offs_are_parked(gateway: GatewayRoutes) -> None:
    strictly(gateway, 6)
    flood = [seen("clinic", "nobody", n) for n in range(8)]
    await publish_and_project(gateway, *flood, seen("clinic", "nobody", 100, under=2), seen("housing", "nobody", 0))
    assert await parked(gateway) == {"over-handoff-events-of-record": 2}
    # What is known already is known; what waits for nobody is parked again.
    await publish_and_project(gateway, *flood[:3], seen("clinic", "other", 1))
    assert await parked(gateway) == {"over-handoff-events-of-record": 3}


async def test_offers_that_are_withdrawn_at_once_have_an_end(gateway: GatewayRoutes) -> None:
    strictly(gateway, 6)
    for n in range(6):
        await publish_and_project(gateway, offer("clinic", n), cancelled("clinic", n))
    assert await parked(gateway) == {"over-handoff-events-of-record": 6}


async def test_whoever_answers_what_others_offered_is_heard_however_many_these_are(gateway: GatewayRoutes) -> None:
    strictly(gateway, 6)
    orgs = ("clinic", "court", "school")
    for org in orgs:
        await publish_and_project(gateway, *(offer(org, n) for n in range(6)))
    answers = [seen("housing", org, n, under=7) for org in orgs for n in range(6)]
    await publish_and_project(gateway, *answers)
    # In the same batch as the offer, and where all that she may say by herself is said.
    await publish_and_project(gateway, *(seen("housing", "nobody", n, under=7) for n in range(9)))
    await publish_and_project(gateway, offer("court", 50, under=2), seen("housing", "court", 50, under=7))
    assert await parked(gateway) == {"over-handoff-events-of-record": 3}
    # Another's hand-offs are no way round it.
    await publish_and_project(gateway, *(seen("charity", org, n, under=8) for org in orgs for n in range(6)))
    assert await parked(gateway) == {"over-handoff-events-of-record": 3 + 12}


async def test_a_person_withdraws_whatever_was_offered_for_her(gateway: GatewayRoutes) -> None:
    strictly(gateway, 6)
    await publish_and_project(gateway, *(seen("citizen", "nobody", n, under=9) for n in range(9)), offer("clinic", 0))
    await publish_and_project(gateway, linked("l1", ref("clinic", PERSON), ref("citizen", 9)))
    assert await parked(gateway) == {"over-handoff-events-of-record": 3}
    await publish_and_project(gateway, cancelled("citizen", 0, under=9))
    assert await parked(gateway) == {"over-handoff-events-of-record": 3}
    assert await gateway.pool.fetchval("select state from handoff where handoff = 'clinic:0'") == "cancelled"


async def test_a_pull_of_a_person_who_is_flooded_takes_no_longer_than_the_limit_lets_it(gateway: GatewayRoutes) -> None:
    """Her own hand-off stands as it did, and so do pulls of everybody else."""
    await publish_and_project(gateway, offer("clinic", 0), offer("court", 0, under=2), offer("court", 1, under=3))
    await publish_and_project(gateway, linked("l1", ref("clinic", PERSON), ref("court", 2)))
    quiet = await usual(gateway, "court", 3)
    for begin in range(0, 2_000, 1_000):
        await publish_and_project(gateway, *(seen("clinic", "nobody", n) for n in range(begin, begin + 1_000)))
    assert await parked(gateway) == {"over-handoff-events-of-record": 2_000 + 1 - Limits().handoff_events_of_record}
    flooded, other = await usual(gateway, "court", 2), await usual(gateway, "court", 3)
    print(f"a pull: {quiet:.4f} s; of who is flooded {flooded:.4f} s, of another {other:.4f} s")
    answer: Any = await gateway.read(AUTH_DISABLED_CALLER, "court", subject(2))
    states = {each["handoff"]: each["state"] for each in answer["handoffs"]}
    assert (states["clinic:0"], states["court:0"]) == ("requested", "requested")
    answer_now = HandoffSeen(handoff="clinic:0")
    await publish_and_project(gateway, Event("housing", "a", subject(5), answer_now, 9_000))
    assert await gateway.pool.fetchval("select state from handoff where handoff = 'clinic:0'") == "received"


async def usual(gateway: GatewayRoutes, org: str, n: int) -> float:
    """The median of some pulls, in seconds."""
    waits = []
    for _ in range(9):
        began = time.perf_counter()
        await gateway.read(AUTH_DISABLED_CALLER, org, subject(n))
        waits.append(time.perf_counter() - began)
    return sorted(waits)[4]
