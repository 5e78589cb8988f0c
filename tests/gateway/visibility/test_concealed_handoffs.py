"""Offers that a front page must not tell of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pathline.vocabulary import HandoffOffered
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.pathways.step import Step
from pathline_gateway.visibility.concealed_handoffs import is_concealed

HIDDEN = Concealment(frozenset(("refuge",)), frozenset((("clinic", "trauma"),)), frozenset((("court", "v1.her"),)))


def offer(org: str, subject: str = "v1.x", **data: Any) -> Step:
    said = {"handoff": f"{org}:1", "to": {"org": "housing"}, "context_released": False} | data
    at, nothing = datetime(2026, 3, 1, tzinfo=UTC), None
    return Step(
        f"urn:pathline:{org}:desk", "1", HandoffOffered.type, at, nothing, org, subject, nothing, nothing, nothing,
        nothing, nothing, nothing, nothing, nothing, b"{}", json.dumps(said).encode(),
    )  # fmt: skip


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
def test_what_is_concealed_is_on_no_front_page(told: Step, hides: bool) -> None:
    assert is_concealed(told, HIDDEN) == hides
