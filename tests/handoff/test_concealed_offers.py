"""Offers that a front page must not tell of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from pathline_gateway.console.overdue import concealed
from pathline_gateway.store.handoffs import Offer
from pathline_gateway.trust.concealment import Concealment

HIDDEN = Concealment(frozenset(("refuge",)), frozenset((("clinic", "trauma"),)), frozenset((("court", "v1.her"),)))


def offer(org: str, subject: str = "v1.x", **data: Any) -> Offer:
    said = {"handoff": f"{org}:1", "to": {"org": "housing"}, "context_released": False} | data
    return Offer(f"{org}:1", datetime(2026, 3, 1, tzinfo=UTC), org, subject, UUID(int=1), json.dumps(said).encode())


@pytest.mark.parametrize(
    ("told", "hides"),
    [
        (offer("clinic"), False),
        (offer("refuge"), True),
        (offer("clinic", to={"org": "refuge"}), True),
        (offer("clinic", to={"org": "clinic", "service": "trauma"}), True),
        (offer("clinic", service="trauma"), True),
        (offer("court", "v1.her"), True),
        (offer("court"), False),
        (offer("clinic", safety="conceal"), True),
    ],
)
def test_what_is_concealed_is_on_no_front_page(told: Offer, hides: bool) -> None:
    assert concealed(told, HIDDEN) == hides
