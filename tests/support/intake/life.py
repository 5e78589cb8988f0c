"""One person whom three organisations know, and events of any type."""

from __future__ import annotations

import json
from typing import Any

from pathline.vocabulary import TYPES
from support.gateways.routes import citizen
from support.intake.history import Event, linked, ref, source, step, subject

ME = citizen(subject(9))


def make_event(org: str, id: str, type: str, n: int = 0, minute: int = 0, **data: Any) -> Event:
    payload = TYPES[f"org.pathline.{type}.v1"].model_validate_json(json.dumps(data))
    return Event(org, id, subject(n), payload, minute)


def consent_given(id: str = "k1", minute: int = 5, **more: Any) -> Event:
    said = {"consent": "c1", "holders": [], "recipients": ["housing"], "nouns": ["appointment", "contact"]}
    return make_event("citizen", id, "consent.given", 9, minute, **(said | {"purpose": "care"} | more))


LIFE = (
    make_event(
        "clinic", "c1", "appointment.booked", 1, 1, appointment="booking-77", start="2026-04-01T00:00:00Z",
        handoff="clinic:out-1", episode="episode-5", about=[{"subject": subject(5), "role": "child"}],
    ),
    make_event("clinic", "c2", "contact.made", 1, 2, kind="chase", regarding={"source": source("clinic"), "id": "c1"}),
    make_event("clinic", "c3", "contact.made", 1, 3, kind="chase",
        regarding={"source": source("clinic"), "id": "hidden"}),
    step("housing", "h1", 2, 4),
    step("citizen", "m1", 9, 5),
    linked("l1", ref("clinic", 1), ref("housing", 2)),
    linked("l2", ref("clinic", 1), ref("citizen", 9)),
)  # fmt: skip
