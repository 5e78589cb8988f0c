"""What a receiver answers under a record that nobody has linked counts for whoever may know of the hand-off."""

from __future__ import annotations

from typing import Any

import pytest

from pathline.vocabulary import HandoffAccepted, HandoffDeclined
from support.gateways.routes import OPERATOR, Rig, citizen, of
from support.intake.history import Told, linked, offered, step, subject

LYDIA = "lydia"
HANDOFF = "clinic:h"


def declined(id: str, n: int, **said: Any) -> Told:
    """The receiver has no room; said under a record of its own, without a token."""
    payload = HandoffDeclined.model_validate({"handoff": HANDOFF, "reason": "capacity", **said})
    return Told("housing", id, subject(n), payload, 5)


def named_by_court() -> Told:
    """It names the hand-off and has no token of it."""
    said = {"handoff": HANDOFF, "token": "another-token-of-some-22-letters"}
    return Told("court", "a", subject(3), HandoffAccepted.model_validate(said), 2)


async def with_account(rig: Rig) -> None:
    """She is a client of the clinic, and was offered to housing; her account is linked to the clinic's record."""
    await rig.tell(step("clinic", "first", 1), step("housing", "here", 9))
    await rig.tell(step("citizen", "said", 77), offered("clinic", "o", 1, "housing", HANDOFF, 1))
    await rig.tell(
        linked("account", {"org": "clinic", "subject": subject(1)}, {"org": "citizen", "subject": subject(77)})
    )


async def state(rig: Rig, by: Any, org: str = "clinic", n: int = 1) -> dict[str, Any]:
    """Its only hand-off, as this reader pulls it."""
    found = (await rig.read(by, org, subject(n), "care"))["handoffs"]
    assert len(found) == 1
    return dict(found[0])


async def test_the_sender_the_person_and_an_operator_know_that_the_receiver_declined(rig: Rig) -> None:
    await with_account(rig)
    await rig.tell(declined("no", 5))
    for by, org, n in ((of("clinic"), "clinic", 1), (citizen(subject(77)), "citizen", 77), (OPERATOR, "clinic", 1)):
        told = await state(rig, by, org, n)
        assert (told["state"], told["reason"]) == ("rejected", "capacity"), by


async def test_an_answer_that_is_concealed_counts_for_nobody_else(rig: Rig) -> None:
    await with_account(rig)
    before = await state(rig, of("clinic"))
    hers = await state(rig, citizen(subject(77)), "citizen", 77)
    await rig.tell(declined("no", 5, safety="conceal"))
    assert await state(rig, of("clinic")) == before
    assert await state(rig, citizen(subject(77)), "citizen", 77) == hers


@pytest.mark.parametrize("by", [citizen(subject(88)), of("court")])
async def test_whoever_names_a_hand_off_of_somebody_else_is_told_nothing_of_it(rig: Rig, by: Any) -> None:
    await with_account(rig)
    org, n = ("citizen", 88) if by.account else ("court", 3)
    await rig.tell(step("citizen", "hers", 88), named_by_court())
    await rig.tell(
        linked("another", {"org": "court", "subject": subject(3)}, {"org": "citizen", "subject": subject(88)})
    )
    before = (await rig.read(by, org, subject(n), "care"))["handoffs"]
    await rig.tell(declined("no", 5))
    assert (await rig.read(by, org, subject(n), "care"))["handoffs"] == before
    assert [(each["offered"], each["state"]) for each in before] == [(None, None)]
