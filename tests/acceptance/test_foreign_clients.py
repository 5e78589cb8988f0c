"""Clients that others wrote: the official CloudEvents SDK over HTTP and Kafka, and confluent-kafka as producer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import confluent_kafka
import pytest
from cloudevents.core.bindings import http as sdk_http
from cloudevents.core.bindings import kafka as sdk_kafka
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from confluent_kafka.admin import AdminClient, NewTopic

from acceptance import odd_headers
from pathline import Pseudonyms
from pathline_gateway import embedded
from support.gateways.process import Gateway, running

ORG = "library"
SUBJECT = Pseudonyms(ORG, b"a key of a test, 32 bytes long!!").subject("reader 7")
TOPIC = f"pathline.in.{ORG}"
STRUCTURED = (b"content-type", "application/cloudevents+json")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


def event(id: str, minute: int) -> SdkEvent:
    attributes: dict[str, Any] = {
        "id": id,
        "source": f"urn:pathline:{ORG}:desk",
        "type": "org.pathline.contact.made.v1",
        "specversion": "1.0",
        "subject": SUBJECT,
        "time": START + timedelta(minutes=minute),
        "datacontenttype": "application/json",
        "ownattribute": "Grüße, 100 %",
    }
    return SdkEvent(attributes, {"kind": "enquiry", "service": "loans", "channel": "in-person"})


def pulled(gateway: Gateway) -> dict[str, dict[str, Any]]:
    found = gateway.http.post("/v1/pathways/search", json={"org": ORG, "subject": SUBJECT})
    if found.status_code == 404:
        return {}
    steps = gateway.http.get(f"/v1/pathways/{found.json()['pathway']}").json()["steps"]
    return {step["id"]: step for step in steps}


def check(gateway: Gateway, ids: list[str]) -> None:
    gateway.until(lambda: set(ids) <= pulled(gateway).keys(), f"{ids} are pulled")
    steps = pulled(gateway)
    for id in ids:
        assert steps[id]["data"] == {"kind": "enquiry", "service": "loans", "channel": "in-person"}
        assert steps[id]["attributes"]["ownattribute"] == "Grüße, 100 %"
    assert list(steps) == sorted(steps, key=lambda id: steps[id]["time"])


def test_the_official_sdk_publishes_over_http(gateway: Gateway) -> None:
    binary, structured = sdk_http.to_binary_event(event("sdk-b", 3)), sdk_http.to_structured_event(event("sdk-s", 1))
    for message in (binary, structured):
        answer = gateway.http.post("/v1/events", headers=message.headers, content=message.body)
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1), answer.text
    bodies = [sdk_http.to_structured_event(event(f"sdk-{n}", 10 + n)).body for n in range(3)]
    answer = gateway.http.post(
        "/v1/events",
        headers={"content-type": "application/cloudevents-batch+json; charset=utf-8"},
        content=b"[" + b",".join(bodies) + b"]",
    )
    assert (answer.status_code, answer.json()["accepted"]) == (202, 3), answer.text
    check(gateway, ["sdk-s", "sdk-b", "sdk-0", "sdk-1", "sdk-2"])


@pytest.fixture(scope="module")
def broker(gateway: Gateway) -> str:
    machine = embedded.find_machine(gateway.data)
    assert machine is not None
    admin = AdminClient({"bootstrap.servers": machine.kafka})
    admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(10)
    return machine.kafka


def produced(broker: str, messages: list[sdk_kafka.KafkaMessage]) -> None:
    """confluent-kafka has delivered these."""
    producer = confluent_kafka.Producer({"bootstrap.servers": broker, "acks": "all"})
    failed: list[object] = []
    for message in messages:
        producer.produce(
            TOPIC,
            message.value,
            key=SUBJECT,
            headers=list(message.headers.items()),
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
    assert producer.flush(10) == 0
    assert failed == []


def test_confluent_kafka_publishes_what_the_official_sdk_made(gateway: Gateway, broker: str) -> None:
    binary, structured = event("confluent-b", 31), event("confluent-s", 30)
    produced(broker, [sdk_kafka.to_binary_event(binary), sdk_kafka.to_structured_event(structured)])
    check(gateway, ["confluent-s", "confluent-b"])
    assert gateway.settled()["parked"] == 0


@pytest.mark.parametrize("compression", ["none", "gzip", "lz4"])
def test_a_header_name_that_is_no_text_stops_nobody(gateway: Gateway, broker: str, compression: str) -> None:
    before = gateway.settled()["parked"]
    first, foreign, last = (
        (headers, sdk_kafka.to_structured_event(event(f"{compression}-{name}", minute)).value.decode())
        for minute, name, headers in (
            (40, "first", [STRUCTURED]),
            (41, "foreign", [(b"\xff\xfe", "of somebody else"), STRUCTURED]),
            (42, "last", [STRUCTURED]),
        )
    )
    wrong = [(b"ce_\xff", "1"), (b"content-type", "application/json")], "{}"
    odd_headers.sent(broker, TOPIC, [first, foreign, wrong, last], compression)
    check(gateway, [f"{compression}-first", f"{compression}-foreign", f"{compression}-last"])
    assert gateway.settled()["parked"] == before + 1
