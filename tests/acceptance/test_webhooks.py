"""A sink of a real gateway: it has every event, each pathway's in order, though the gateway is killed in the middle."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict
from pathlib import Path

import pytest

from support.examples import LONG
from support.gateways.process import Gateway, running
from support.servers.webhook_receiver import Posted, Reply, listening_in_a_thread

BATCH = {"content-type": "application/cloudevents-batch+json"}
PEOPLE = 9


def subject(n: int) -> str:
    return f"v1.{n:021d}A"


def publish(gateway: Gateway, numbers: range) -> None:
    for start in range(numbers.start, numbers.stop, 20):
        events = [
            {
                "specversion": "1.0",
                "id": f"event-{n}",
                "source": "urn:pathline:food-bank:desk",
                "type": "org.pathline.contact.made.v1",
                "subject": subject(n % PEOPLE),
                "time": f"2026-03-01T09:{n // 60:02d}:{n % 60:02d}Z",
                "data": {"kind": "enquiry"},
            }
            for n in range(start, start + 20)
        ]
        assert gateway.http.post("/v1/events", content=json.dumps(events), headers=BATCH).status_code == 202


EVENTS = 400 if LONG else 80


@pytest.mark.scaled
def test_a_sink_has_everything_in_order_though_the_gateway_is_killed(tmp_path: Path) -> None:
    chance = random.Random(5)

    async def sometimes(_: Posted) -> Reply:
        await asyncio.sleep(0.01)
        return Reply(500 if chance.random() < 0.05 else 204)

    with listening_in_a_thread() as sink, running(tmp_path) as gateway:
        sink.answer = sometimes
        wanted = {
            "protocol": "HTTP",
            "sink": sink.url,
            "config": {"organisation": "reader", "purpose": "care"},
            "filters": [{"exact": {"type": "org.pathline.contact.made.v1"}}],
        }
        made = gateway.http.post("/v1/subscriptions", json=wanted)
        assert made.status_code == 201, made.text
        assert sink.asked[0].headers["webhook-request-origin"] == "pathline"
        id, secret = made.json()["id"], made.json()["secret"]
        publish(gateway, range(EVENTS * 3 // 4))
        gateway.until(lambda: len(sink.took) > EVENTS // 7, "some were posted")
        gateway.kill()
        gateway.start()
        publish(gateway, range(EVENTS // 2, EVENTS))
        gateway.settled()

        def everything() -> bool:
            said = gateway.http.get(f"/v1/subscriptions/{id}/status").json()
            return bool(said["given"] == said["delivered"] == EVENTS and said["waiting"] == 0)

        gateway.until(everything, "everything was posted", 90)
        metrics = gateway.http.get("/metrics").text
        began = [each.id for each in sink.posted]
    order: dict[str, list[int]] = defaultdict(list)
    for posted in sink.took:
        posted.verify(secret)
        number = posted.event["number"]
        if number not in order[posted.event["subject"]]:
            order[posted.event["subject"]].append(number)
    assert {each.event["id"] for each in sink.took} == {f"event-{n}" for n in range(EVENTS)}
    assert all(numbers == sorted(numbers) for numbers in order.values())
    assert len({each.id for each in sink.took}) == EVENTS
    assert set(began) == {f"{id}-{n}" for n in range(1, EVENTS + 1)}
    counted = [line for line in metrics.splitlines() if line.startswith("pathline_webhook_requests_total")]
    assert any('pathline_outcome="delivered"' in line and 'organisation="reader"' in line for line in counted)
    assert "pathline_webhook_delay_seconds_bucket" in metrics
    assert id not in metrics
