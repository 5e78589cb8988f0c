"""Offers that wait have a bound, at one receiver and for one person: beyond it they are parked, or refused."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from pathline.interaction import interaction
from pathline.vocabulary.handoffs import HandoffCancelled, HandoffOffered
from pathline_gateway.handoffs.projection import project_next_batch
from pathline_gateway.identity.links.service import TokenLinkService
from pathline_gateway.intake.batch_transaction import ApplyTarget
from pathline_gateway.intake.http_ingest import HttpIngest
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.limits.table import Limits
from pathline_gateway.web.problem import Problem
from support.gateways.routes import GatewayRoutes
from support.intake.history import GROUP, Event, source, subject

NEVER: Any = None


def offer(n: int, to: str = "housing", person: int | None = None) -> Event:
    payload = HandoffOffered.model_validate({"handoff": f"clinic:{n}", "to": {"org": to}, "token_sha256": "0" * 64,
                                             "context_released": False})  # fmt: skip
    return Event("clinic", f"o{n}", subject(n if person is None else person), payload, n)


def cancelled(n: int) -> Event:
    return Event("clinic", f"x{n}", subject(n), HandoffCancelled(handoff=f"clinic:{n}"), 1_000 + n)


async def publish_and_project(gateway: GatewayRoutes, *some: Event) -> None:
    await gateway.publish(*some)
    while await project_next_batch(gateway.pool):
        pass


async def parked(gateway: GatewayRoutes) -> Counter[str]:
    rows = await gateway.pool.fetch("select reason from parked where state = 'parked'")
    return Counter(row["reason"] for row in rows)


@pytest.mark.limit("open-offers")
async def test_more_than_so_many_offers_to_one_receiver_are_parked_until_some_ended(gateway: GatewayRoutes) -> None:
    gateway.partition.into = ApplyTarget(GROUP, register_unknown=True, limits=Limits(open_offers=5))
    await publish_and_project(gateway, *(offer(n) for n in range(4)))
    await publish_and_project(gateway, *(offer(n) for n in range(4, 10)), offer(50, to="court"))
    assert await parked(gateway) == {"over-open-offers": 5}
    assert await gateway.pool.fetchval("select count(*) from handoff where receiver = 'court'") == 1
    await publish_and_project(gateway, cancelled(0), cancelled(1), offer(2))
    await publish_and_project(gateway, offer(20), offer(21), offer(22))
    assert await parked(gateway) == {"over-open-offers": 6}


@pytest.mark.limit("open-offers-of-record")
async def test_more_than_so_many_offers_for_one_person_are_parked(gateway: GatewayRoutes) -> None:
    gateway.partition.into = ApplyTarget(GROUP, register_unknown=True, limits=Limits(open_offers_of_record=3))
    await publish_and_project(gateway, *(offer(n, to=f"org{n}", person=1) for n in range(2)))
    await publish_and_project(gateway, *(offer(n, to=f"org{n}", person=1) for n in range(2, 6)), offer(7, person=2))
    assert await parked(gateway) == {"over-open-offers": 3}


async def test_the_door_refuses_them_and_says_when_to_come_again(gateway: GatewayRoutes) -> None:
    gateway.partition.into = ApplyTarget(GROUP, register_unknown=True, limits=Limits(open_offers=2))
    await publish_and_project(gateway, offer(0), offer(1))
    door = HttpIngest(NEVER, gateway.pool, Progress(), False, True, Limits(open_offers=2))
    said = [offer(n) for n in (1, 2)]
    items = [interaction(t.payload, source=source("clinic"), subject=t.subject, time=datetime.now(UTC)) for t in said]
    await door._check_budgets(items[:1])
    with pytest.raises(Problem) as refused:
        await door._check_budgets(items)
    assert (refused.value.status, refused.value.reason) == (429, "over-open-offers")
    assert refused.value.extensions["limit"] == "open-offers"


@pytest.mark.limit("link-tokens")
async def test_one_organisation_has_so_many_tokens_that_may_be_used(gateway: GatewayRoutes) -> None:
    linking = TokenLinkService(gateway.pool, NEVER, b"k" * 32, lifetime_s=600, limits=Limits(link_tokens=3))
    for n in range(3):
        await linking.issue("clinic", subject(n))
    with pytest.raises(Problem) as refused:
        await linking.issue("clinic", subject(9))
    assert (refused.value.status, refused.value.reason) == (429, "too-many-tokens")
    await linking.issue("housing", subject(1))
    await gateway.execute("update link_token set expires_at = now() where subject = $1", subject(0))
    await linking.issue("clinic", subject(9))
