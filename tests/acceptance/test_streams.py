"""A subscriber over HTTP: what it was promised holds when the gateway is killed in the middle."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from gateway import Gateway, running

from pathline.testing import SUBJECT

BATCH = {"content-type": "application/cloudevents-batch+json"}
EVENTS = 600


def event(n: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"event-{n}",
        "source": "urn:pathline:food-bank:desk",
        "type": "org.pathline.contact.made.v1" if n % 3 else "org.pathline.activity.recorded.v1",
        "subject": SUBJECT,
        "time": "2026-03-01T09:00:00Z",
        "data": {"kind": "enquiry"} if n % 3 else {"activity": "Counted"},
    }


def publish(gateway: Gateway, numbers: range) -> None:
    for start in range(numbers.start, numbers.stop, 20):
        body = json.dumps([event(n) for n in range(start, start + 20)])
        assert gateway.http.post("/v1/events", content=body, headers=BATCH).status_code == 202


def received(gateway: Gateway, id: str) -> list[dict[str, Any]]:
    """All of it, in pages."""
    found: list[dict[str, Any]] = []
    after = "n0"
    while True:
        asked = {"after": after, "limit": str(random.Random(len(found)).randint(1, 90))}
        page = gateway.http.get(f"/v1/subscriptions/{id}/events", params=asked).json()
        if not page["events"]:
            return found
        found, after = found + page["events"], page["next"]


def test_a_subscriber_is_given_everything_once_and_without_a_gap_though_the_gateway_is_killed(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        wanted = {
            "protocol": "PULL",
            "config": {"organisation": "reader", "purpose": "care"},
            "filters": [{"exact": {"type": "org.pathline.contact.made.v1"}}],
        }
        made = gateway.http.post("/v1/subscriptions", json=wanted)
        assert made.status_code == 201, made.text
        id = made.json()["id"]
        for start in range(0, EVENTS, 200):
            publish(gateway, range(start, start + 200))
            gateway.kill()
            gateway.start()
        # What was acknowledged is stored; it is sent again as by a publisher that was not sure.
        publish(gateway, range(EVENTS))
        gateway.settled()
        expected = {f"event-{n}" for n in range(EVENTS) if n % 3}
        gateway.until(lambda: len(received(gateway, id)) >= len(expected), "everything was given")
        events = received(gateway, id)
        assert [each["number"] for each in events] == list(range(1, len(expected) + 1))
        assert {each["id"] for each in events} == expected
        asked = {"source": "urn:pathline:food-bank:desk", "event": "event-3"}
        why = gateway.http.get(f"/v1/subscriptions/{id}/explain", params=asked).json()
        assert (why["because"], why["given"]) == ("filtered", False)
