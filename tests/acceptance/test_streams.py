"""A subscriber over HTTP: what it was promised holds when the gateway is killed in the middle."""

from __future__ import annotations

import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pathline.testing import SUBJECT
from support.gateways.process import Gateway, running

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


def subscribed(gateway: Gateway, *filters: object) -> str:
    config = {"organisation": "reader", "purpose": "care"}
    wanted = {"protocol": "SSE", "config": config, "filters": list(filters)}
    made = gateway.http.post("/v1/subscriptions", json=wanted)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def heard(gateway: Gateway, id: str, n: int, last: str | None = None) -> list[tuple[str, dict[str, Any]]]:
    """The first so many events of a stream, each with its id."""
    found: list[tuple[str, dict[str, Any]]] = []
    number = ""
    headers = {} if last is None else {"last-event-id": last}
    with gateway.http.stream("GET", f"/v1/subscriptions/{id}/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            field, _, value = line.partition(": ")
            if field == "id":
                number = value
            elif field == "data":
                found.append((number, json.loads(value)))
                if len(found) == n:
                    break
    return found


def test_a_listener_hears_events_as_they_come_and_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    with running(tmp_path) as gateway, ThreadPoolExecutor(3) as threads:
        everything, half = subscribed(gateway), subscribed(gateway, {"suffix": {"type": "contact.made.v1"}})
        listening = [threads.submit(heard, gateway, id, n) for id, n in ((everything, 60), (half, 40))]
        publish(gateway, range(60))
        all_of_it, contacts = [each.result(30) for each in listening]
        assert [number for number, _ in all_of_it] == [f"n{n}" for n in range(1, 61)]
        assert {event["id"] for _, event in all_of_it} == {f"event-{n}" for n in range(60)}
        assert {event["id"] for _, event in contacts} == {f"event-{n}" for n in range(60) if n % 3}
        again = heard(gateway, everything, 20, last="n40")
        assert again == all_of_it[40:]
        hears = threading.Event()
        ends = threads.submit(ended, gateway, everything, hears)
        assert hears.wait(60)
        assert gateway.http.post(f"/v1/subscriptions/{everything}/pause").status_code == 200
        assert ends.result(30) == "paused or ended"
        hears = threading.Event()
        waits = threads.submit(ended, gateway, half, hears)
        assert hears.wait(60)
        gateway.process.terminate()
        assert gateway.process.wait(60) == 0
        assert waits.result(30) is None


def ended(gateway: Gateway, id: str, listening: threading.Event) -> str | None:
    """Why the stream says that it ends, if it does. `listening` is set once it has begun."""
    after, said = "n60", None
    with gateway.http.stream("GET", f"/v1/subscriptions/{id}/stream", params={"after": after}) as answer:
        listening.set()
        for line in answer.iter_lines():
            if line.startswith("data: "):
                said = json.loads(line[6:]).get("because")
    return said


def test_a_subscriber_is_given_everything_once_and_without_a_gap_though_the_gateway_is_killed(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        id = subscribed(gateway, {"exact": {"type": "org.pathline.contact.made.v1"}})
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
