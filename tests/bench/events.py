"""What every contestant is given: binary CloudEvents of about 500 bytes, fifteen steps a person, always the same."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ORG = "bench-agency"
SOURCE = f"urn:pathline:{ORG}:case-system"
STEPS_A_PERSON = 15
REPEATED_EVERY = 100
"""One event in a hundred is sent twice, as a publisher does that was not sure."""
_BEGAN = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sent:
    """A record as its publisher sends it."""

    key: bytes
    headers: list[tuple[str, bytes]]
    value: bytes

    @property
    def size(self) -> int:
        """Bytes of header names, header values and data."""
        return len(self.value) + sum(len(name) + len(value) for name, value in self.headers)


def subject(person: int) -> str:
    """The pseudonym of a person."""
    digest = hashlib.blake2b(person.to_bytes(8), digest_size=16).digest()
    return "v1." + urlsafe_b64encode(digest).decode().rstrip("=")


def event(n: int, person: int, source: str = SOURCE) -> Sent:
    """The n-th event, about this person; n makes its id, its time and its kind."""
    kind, data = _data(n, person)
    time = _BEGAN + timedelta(seconds=7 * n)
    headers = {
        "specversion": "1.0",
        "id": f"case-{n:09}",
        "source": source,
        "type": f"org.pathline.{kind}.v1",
        "subject": subject(person),
        "time": time.isoformat(),
        "recordedtime": (time + timedelta(minutes=3)).isoformat(),
    }
    if n % 2:
        headers["traceparent"] = f"00-{n + 1:032x}-{n + 1:016x}-01"
    return Sent(
        headers["subject"].encode(),
        [*((f"ce_{name}", value.encode()) for name, value in headers.items()), ("content-type", b"application/json")],
        json.dumps(data, separators=(",", ":")).encode(),
    )


def stream(events: int, start: int = 0) -> Iterator[Sent]:
    """So many different events from the start-th on, about persons of their own, and the repeats among them."""
    people = max(1, events // STEPS_A_PERSON)
    for n in range(start, start + events):
        yield event(n, start + n % people)
        if n % REPEATED_EVERY == REPEATED_EVERY - 1 and n - start >= REPEATED_EVERY:
            earlier = n - REPEATED_EVERY // 2
            yield event(earlier, start + earlier % people)


def _data(n: int, person: int) -> tuple[str, dict[str, object]]:
    kind, own = _KINDS[(n // 3 + n) % len(_KINDS)]
    if handoff := own.get("handoff"):
        own = own | {"handoff": f"{handoff}-{n}"}
    return kind, {
        "service": "casework",
        "channel": ("phone", "web", "in-person")[n % 3],
        "actor": "staff",
        "episode": f"episode-{person:07}",
        **own,
        "effort": [{"minutes": n % 50 + 1, "by": "staff"}],
    }


_KINDS: tuple[tuple[str, dict[str, object]], ...] = (
    (
        "need.expressed",
        {"need": "need-housing-1", "code": "housing", "urgency": "urgent", "by": "citizen", "reason": "rent-arrears"},
    ),
    ("activity.recorded", {"activity": "T04 Determine confirmation of receipt of the application"}),
    ("contact.made", {"kind": "enquiry", "resolved": False, "needs": ["housing", "income"]}),
    (
        "appointment.booked",
        {"appointment": "appointment-7", "start": "2026-03-09T10:30:00+11:00", "kind": "first-interview"},
    ),
    ("request.lodged", {"request": "request-2026-44", "kind": "rent-assistance", "needs": ["housing"]}),
    (
        "evidence.requested",
        {"items": ["tenancy-agreement", "income-statement"], "request": "request-2026-44"},
    ),
    (
        "service.delivered",
        {
            "quantity": 1,
            "unit": "session",
            "needs": ["housing"],
            "coproduction": "deliver",
            "initiator": "organisation",
        },
    ),
    (
        "assessment.made",
        {"assessment": "assessment-3", "kind": "housing-need", "result": "eligible", "valid_until": "2026-09-01"},
    ),
    (
        "handoff.offered",
        {
            "handoff": f"{ORG}:handoff",
            "need": "food",
            "priority": "urgent",
            "to": {"org": "food-bank", "service": "parcels"},
            "context_released": False,
        },
    ),
)
