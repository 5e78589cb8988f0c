"""What a receiver answers under a record that nobody has linked counts for whoever may know of the hand-off."""

from __future__ import annotations

from typing import Any

import pytest

from pathline.vocabulary import HandoffAccepted, HandoffDeclined
from support.gateways.routes import OPERATOR, GatewayRoutes, citizen, subscriber
from support.intake.history import Event, linked, offered, step, subject

LYDIA = "lydia"
HANDOFF = "clinic:h"


def declined(id: str, n: int, **said: Any) -> Event:
    """The receiver has no room; said under a record of its own, without a token."""
    payload = HandoffDeclined.model_validate({"handoff": HANDOFF, "reason": "capacity", **said})
    return Event("housing", id, subject(n), payload, 5)


def named_by_court() -> Event:
    """It names the hand-off and has no token of it."""
    said = {"handoff": HANDOFF, "token": "another-token-of-some-22-letters"}
    return Event("court", "a", subject(3), HandoffAccepted.model_validate(said), 2)


async def with_account(gateway: GatewayRoutes) -> None:
    """She is a client of the clinic, and was offered to housing; her account is linked to the clinic's record."""
    await gateway.publish(step("clinic", "first", 1), step("housing", "here", 9))
    await gateway.publish(step("citizen", "said", 77), offered("clinic", "o", 1, "housing", HANDOFF, 1))
    await gateway.publish(
        linked("account", {"org": "clinic", "subject": subject(1)}, {"org": "citizen", "subject": subject(77)})
    )


async def state(gateway: GatewayRoutes, by: Any, org: str = "clinic", n: int = 1) -> dict[str, Any]:
    """Its only hand-off, as this reader pulls it."""
    found = (await gateway.read(by, org, subject(n), "care"))["handoffs"]
    assert len(found) == 1
    return dict(found[0])


async def test_the_sender_the_person_and_an_operator_know_that_the_receiver_declined(gateway: GatewayRoutes) -> None:
    await with_account(gateway)
    await gateway.publish(declined("no", 5))
    for by, org, n in (
        (subscriber("clinic"), "clinic", 1),
        (citizen(subject(77)), "citizen", 77),
        (OPERATOR, "clinic", 1),
    ):
        told = await state(gateway, by, org, n)
        assert (told["state"], told["reason"]) == ("rejected", "capacity"), by


async def test_an_answer_that_is_concealed_counts_for_nobody_else(gateway: GatewayRoutes) -> None:
    await with_account(gateway)
    before = await state(gateway, subscriber("clinic"))
    hers = await state(gateway, citizen(subject(77)), "citizen", 77)
    await gateway.publish(declined("no", 5, safety="conceal"))
    assert await state(gateway, subscriber("clinic")) == before
    assert await state(gateway, citizen(subject(77)), "citizen", 77) == hers


@pytest.mark.parametrize("by", [citizen(subject(88)), subscriber("court")])
async def test_whoever_names_a_hand_off_of_somebody_else_is_told_nothing_of_it(gateway: GatewayRoutes, by: Any) -> None:
    await with_account(gateway)
    org, n = ("citizen", 88) if by.account else ("court", 3)
    await gateway.publish(step("citizen", "hers", 88), named_by_court())
    await gateway.publish(
        linked("another", {"org": "court", "subject": subject(3)}, {"org": "citizen", "subject": subject(88)})
    )
    before = (await gateway.read(by, org, subject(n), "care"))["handoffs"]
    await gateway.publish(declined("no", 5))
    assert (await gateway.read(by, org, subject(n), "care"))["handoffs"] == before
    assert [(each["offered"], each["state"]) for each in before] == [(None, None)]
