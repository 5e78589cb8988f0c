"""A life of which each reader is told a part under names of her own."""

from __future__ import annotations

import json
from typing import Any

from pathline_gateway.auth.caller import Caller, Role
from support.gateways.routes import GatewayRoutes, citizen
from support.intake.history import TOKEN_SHA256, Event, linked, ref, step, subject
from support.intake.life import make_event

ME = citizen(subject(9))
OFFER: dict[str, Any] = {"token_sha256": TOKEN_SHA256, "context_released": False}
HANDOFF = "clinic:out-9"
CONSENT: dict[str, Any] = {
    "consent": "c1", "holders": [], "recipients": ["housing", "legal"],
    "nouns": ["handoff", "contact", "activity", "mandate"],
}  # fmt: skip
LIFE = (
    step("clinic", "secret-id-1", 1, 1),
    make_event("clinic", "secret-id-2", "contact.made", 1, 2, kind="chase", handoff=HANDOFF),
    make_event("clinic", "secret-id-3", "handoff.offered", 1, 3, handoff=HANDOFF, to={"org": "care"}, **OFFER),
    step("housing", "h1", 2, 4),
    step("legal", "l1", 3, 4),
    step("citizen", "m1", 9, 5),
    make_event("citizen", "k1", "consent.given", 9, 6, purpose="care", **CONSENT),
    linked("x1", ref("clinic", 1), ref("housing", 2)),
    linked("x2", ref("clinic", 1), ref("citizen", 9)),
    linked("x3", ref("clinic", 1), ref("legal", 3)),
)
REAL = (HANDOFF, "secret-id-1", "secret-id-2", "secret-id-3")
"""What nobody but the clinic, who is asked, and operators are told."""


def said_by(by: str, n: int, id: str, type: str, minute: int = 10, **data: Any) -> Event:
    return make_event(by, id, type, n, minute, **data)


async def told(gateway: GatewayRoutes, by: Caller, org: str, n: int) -> dict[str, Any]:
    """What this reader is told of the pathway; nothing of it under its real name, unless she is an operator."""
    body = await gateway.read(by, org, subject(n), "care")
    if not by.has_any_role(Role.OPERATOR):
        assert not [each for each in REAL if each in json.dumps(body)]
    return body


def find_step(body: dict[str, Any], type: str, org: str) -> dict[str, Any]:
    (found,) = (each for each in body["steps"] if each["type"] == f"org.pathline.{type}.v1" and each["org"] == org)
    return dict(found)
