"""Whoever floods a hand-off of others is not heard of it, and everybody else is."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from pathline.vocabulary import ContactMade, HandoffCancelled, HandoffOffered, HandoffSeen
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.intake.batch_transaction import ApplyTarget
from pathline_gateway.limits.table import Limits
from support.gateways.routes import GatewayRoutes
from support.intake.history import GROUP, Event, distinguished, linked, ref, subject

TOKEN_SHA256 = "7ad7e2a8a6b52c6d0a8d7a60d6e9b0c45f2c8c6c6a6b0d1f1a7c8f4d6e2b9a31"
OFFER = Event(
    "clinic",
    "o1",
    subject(1),
    HandoffOffered.model_validate(
        {"handoff": "clinic:1", "to": {"org": "housing"}, "token_sha256": TOKEN_SHA256, "context_released": False}
    ),
    1,
)


def seen(org: str, n: int, under: int = 5) -> Event:
    return Event(org, f"{org}-{n}", subject(under), HandoffSeen(handoff="clinic:1"), 10 + n)


async def state(gateway: GatewayRoutes) -> str:
    while await project_next_batch(gateway.pool):
        pass
    answer: Any = await gateway.read(AUTH_DISABLED_CALLER, "clinic", subject(1))
    ((_, handoff),) = (
        answer["handoffs"].items() if isinstance(answer["handoffs"], dict) else [("", answer["handoffs"][0])]
    )
    return str(handoff["state"])


async def kept(gateway: GatewayRoutes) -> str:
    """As the desk and the watchdog know it."""
    return str(await gateway.pool.fetchval("select state from handoff where handoff = 'clinic:1'"))


async def parked(gateway: GatewayRoutes) -> Counter[str]:
    return Counter(
        row["reason"] for row in await gateway.pool.fetch("select reason from parked where state = 'parked'")
    )


@pytest.mark.limit("handoff-events")
async def test_one_organisation_names_a_hand_off_so_many_times_and_no_more(gateway: GatewayRoutes) -> None:
    gateway.partition.into = ApplyTarget(GROUP, register_unknown=True, limits=Limits(handoff_events=5))
    contacts = [
        Event("charity", f"c{n}", subject(7), ContactMade.model_validate({"kind": "enquiry", "handoff": "clinic:1"}), n)
        for n in range(3)
    ]
    flood = [seen("charity", n, under=n) for n in range(4)]
    await gateway.publish(OFFER, *contacts, *flood)
    assert await parked(gateway) == {"over-handoff-events": 2}
    # What is known already is known, and nobody else is in the way.
    await gateway.publish(*flood[:2], seen("charity", 9), seen("housing", 1))
    assert await parked(gateway) == {"over-handoff-events": 3}
    assert await state(gateway) == "received"


async def test_each_person_is_heard_for_herself(gateway: GatewayRoutes) -> None:
    gateway.partition.into = ApplyTarget(GROUP, register_unknown=True, limits=Limits(handoff_events=2))
    await gateway.publish(OFFER, *(seen("citizen", n, under=6) for n in range(4)), seen("citizen", 9, under=7))
    assert await parked(gateway) == {"over-handoff-events": 2}


async def test_a_flood_of_others_hides_no_hand_off(gateway: GatewayRoutes) -> None:
    await gateway.publish(OFFER, *(seen("charity", n, under=n) for n in range(800)))
    await gateway.publish(*(seen("charity", n, under=n) for n in range(800, 1_000)))
    await gateway.publish(*(seen("other", n, under=n) for n in range(400)), seen("housing", 1))
    assert await parked(gateway) == {"over-handoff-events": 500}
    assert await state(gateway) == "received"


async def test_a_person_is_heard_of_hand_offs_on_her_own_pathway(gateway: GatewayRoutes) -> None:
    """Also where she was linked only afterwards, and no longer once she was parted."""
    cancelled = Event("citizen", "c1", subject(9), HandoffCancelled(handoff="clinic:1"), 50)
    await gateway.publish(OFFER, cancelled)
    assert await state(gateway) == "requested"
    assert await kept(gateway) == "requested"
    await gateway.publish(linked("l1", ref("clinic", 1), ref("citizen", 9)))
    assert await state(gateway) == "cancelled"
    assert await kept(gateway) == "cancelled"
    await gateway.publish(distinguished("d1", ref("clinic", 1), ref("citizen", 9)))
    assert await state(gateway) == "requested"
    assert await kept(gateway) == "requested"
