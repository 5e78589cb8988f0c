"""A listener whose gateway is killed again and again: all comes at least once, in order, and no number is missing."""

from __future__ import annotations

import json
import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.gateways.process import Gateway, running

BATCH = {"content-type": "application/cloudevents-batch+json"}
EVENTS = 600
PEOPLE = 7
KILLS = 4


def event(n: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"event-{n}",
        "source": "urn:pathline:food-bank:desk",
        "type": "org.pathline.contact.made.v1",
        "subject": f"v1.{n % PEOPLE:021d}A",
        "time": f"2026-03-01T09:{n // 60:02d}:{n % 60:02d}Z",
        "data": {"kind": "enquiry"},
    }


def publish(gateway: Gateway, over: threading.Event) -> None:
    """As a publisher that sends again what nobody acknowledged."""
    for start in range(0, EVENTS, 10):
        body = json.dumps([event(n) for n in range(start, start + 10)])
        while not over.is_set():
            try:
                if gateway.http.post("/v1/events", content=body, headers=BATCH).status_code == 202:
                    break
            except (httpx.TransportError, RuntimeError):  # killed, or its client closed
                over.wait(0.02)


@dataclass
class Listener:
    """It begins again where it was cut off, and now and then some events before, as one does that was not sure."""

    id: str
    chance: random.Random
    heard: list[dict[str, Any]] = field(default_factory=list)
    """In the order in which they came, each connection's after the other's."""
    connections: list[list[int]] = field(default_factory=list)

    def listen(self, gateway: Gateway, over: threading.Event) -> None:
        while not over.is_set():
            last = max((each["number"] for each in self.heard), default=0)
            begins = max(0, last - self.chance.choice((0, 0, 3)))
            try:
                self._connection(gateway, begins, over)
            except (httpx.TransportError, RuntimeError):
                over.wait(0.02)

    def _connection(self, gateway: Gateway, begins: int, over: threading.Event) -> None:
        headers = {"last-event-id": f"n{begins}"}
        with gateway.http.stream("GET", f"/v1/subscriptions/{self.id}/stream", headers=headers) as answer:
            if answer.status_code != 200:
                over.wait(0.02)
                return
            self.connections.append([begins])
            for line in answer.iter_lines():
                if over.is_set():
                    return
                if line.startswith("data: "):
                    said = json.loads(line[6:])
                    self.connections[-1].append(said["number"])
                    self.heard.append(said)
                if len({each["id"] for each in self.heard}) == EVENTS:
                    over.set()
                    return


@contextmanager
def threads(over: threading.Event) -> Iterator[ThreadPoolExecutor]:
    """They end with the block, whatever happens in it."""
    with ThreadPoolExecutor(2) as pool:
        try:
            yield pool
        finally:
            over.set()


@pytest.mark.long
def test_a_listener_has_everything_in_order_and_without_a_gap_though_its_gateway_is_killed(tmp_path: Path) -> None:
    chance, over = random.Random(11), threading.Event()
    with running(tmp_path) as gateway:
        wanted = {"protocol": "SSE", "config": {"organisation": "reader", "purpose": "care"}}
        made = gateway.http.post("/v1/subscriptions", json=wanted)
        assert made.status_code == 201, made.text
        listener = Listener(made.json()["id"], chance)
        with threads(over) as pool:
            tasks = [pool.submit(listener.listen, gateway, over), pool.submit(publish, gateway, over)]
            for _ in range(KILLS):
                more = len(listener.heard) + chance.randint(20, 90)
                gateway.until(lambda more=more: len(listener.heard) >= more, "some were heard")
                gateway.kill()
                gateway.start()
            gateway.until(over.is_set, "everything was heard")
            for task in tasks:
                task.result(30)
    first: dict[str, int] = {}
    order: dict[str, list[int]] = defaultdict(list)
    for said in listener.heard:
        if said["id"] not in first:
            first[said["id"]] = said["number"]
            order[said["subject"]].append(said["number"])
        assert first[said["id"]] == said["number"]
    assert set(first) == {f"event-{n}" for n in range(EVENTS)}
    assert sorted(first.values()) == list(range(1, EVENTS + 1))
    assert all(numbers == sorted(numbers) for numbers in order.values())
    # Each connection goes on from where it was asked to, one number after the other.
    assert len(listener.connections) > KILLS
    for begins, *numbers in listener.connections:
        assert numbers == list(range(begins + 1, begins + 1 + len(numbers)))
