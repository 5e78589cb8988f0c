"""Accepted means pulled back field for field: every type of the vocabulary, through every binding."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from pathline import instant
from pathline.cloudevent import CloudEvent, attribute_text
from pathline.codec import http, kafka
from pathline.errors import Refused
from pathline.interaction import accept
from pathline.vocabulary import TYPES, Payload
from pathline_gateway import embedded
from pathline_gateway.intake.event_classes import NOT_STEPS
from support.brokers.own_topic import Kafka
from support.examples import LONG
from support.gateways.process import Gateway, running
from support.generators.events import ORG, events_of

LIVE: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "database": None,
    "phases": (Phase.generate,),
}
"""Against a running gateway: each wait for what does not come takes a minute, so a failure is told, and not shrunk."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway")) as up:
        yield up


@pytest.fixture(scope="module")
def agency(gateway: Gateway) -> Iterator[Kafka]:
    machine = embedded.find_machine(gateway.data)
    assert machine is not None
    kafka_ = Kafka(machine.kafka, ORG)
    yield kafka_
    kafka_.stop()


def valid(event: CloudEvent) -> bool:
    try:
        accept(event)
    except Refused:
        return False
    return True


def renamed(event: CloudEvent, id: str) -> CloudEvent:
    return replace(event, attributes={**event.attributes, "id": id})


def published(gateway: Gateway, agency: Kafka, event: CloudEvent) -> dict[str, CloudEvent]:
    """The event through five bindings, under an id each."""
    run = uuid.uuid4().hex
    five = {name: renamed(event, f"{event.text['id'][:40]} {name} r{run}") for name in BINDINGS}
    for name in ("http-binary", "http-structured", "http-batch"):
        each = five[name]
        headers, body = {
            "http-binary": lambda e: http.encode(e),
            "http-structured": lambda e: http.encode_structured(e),
            "http-batch": lambda e: http.encode_batch([e]),
        }[name](each)
        answer = gateway.http.post("/v1/events", headers=headers, content=body)
        told = answer.json()
        assert {each["field"] for each in told.pop("notices", [])} <= {"time"}  # of one that lies ahead
        assert told == {"accepted": 1, "duplicate": 0, "refused": []}, answer.text
    agency.send(event.text["subject"], *kafka.encode(five["kafka-binary"]))
    agency.send(event.text["subject"], *kafka.encode_structured(five["kafka-structured"]))
    return five


BINDINGS = ("http-binary", "http-structured", "http-batch", "kafka-binary", "kafka-structured")


def steps_of(gateway: Gateway, subject: str) -> dict[str, dict[str, Any]]:
    found = gateway.http.post("/v1/pathways/search", json={"org": ORG, "subject": subject})
    if found.status_code == 404:
        return {}
    steps = gateway.http.get(f"/v1/pathways/{found.json()['pathway']}").json()["steps"]
    return {step["id"]: step for step in steps}


@pytest.mark.scaled
@pytest.mark.parametrize("type_name", [name for name, cls in TYPES.items() if cls.noun not in NOT_STEPS])
def test_a_step_is_pulled_back_as_it_was_sent(gateway: Gateway, agency: Kafka, type_name: str) -> None:
    seen = 0

    @given(event=events_of(TYPES[type_name]).filter(valid))
    @settings(max_examples=3 if LONG else 1, **LIVE)
    def each(event: CloudEvent) -> None:
        nonlocal seen
        five = published(gateway, agency, event)
        ids = {sent.text["id"] for sent in five.values()}
        gateway.until(lambda: ids <= steps_of(gateway, event.text["subject"]).keys(), "all five are pulled")
        found = steps_of(gateway, event.text["subject"])
        for sent in five.values():
            equal(found[sent.text["id"]], sent)
            seen += 1

    each()
    assert seen >= len(BINDINGS)


def equal(step: dict[str, Any], sent: CloudEvent) -> None:
    assert step["data"] == json.loads(sent.data or b"null")
    assert read(step["time"]) == read(sent.text["time"])
    kept = {name: attribute_text(value) for name, value in step["attributes"].items()}
    for name, value in sent.text.items():
        if name == "recordedtime" and name not in kept:
            assert read(step["recordedtime"]) == read(value)
        elif name != "specversion":
            assert kept.get(name, step.get(name)) == value, name
    payload: Payload = accept(sent).payload
    for column in ("service", "channel", "initiator", "actor"):
        assert step[column] == getattr(payload, column)


def read(text: str) -> datetime:
    return instant.parse(text).astimezone(UTC)


@pytest.mark.scaled
@pytest.mark.parametrize("type_name", [name for name, cls in TYPES.items() if cls.noun in NOT_STEPS])
def test_what_is_no_step_is_stored_and_stands_on_no_pathway(gateway: Gateway, agency: Kafka, type_name: str) -> None:
    before = gateway.settled()

    @given(event=events_of(TYPES[type_name]).filter(valid))
    @settings(max_examples=2 if LONG else 1, **LIVE)
    def each(event: CloudEvent) -> None:
        five = published(gateway, agency, event)
        again = [http.encode_structured(sent)[1] for sent in five.values()]
        gateway.until(lambda: duplicates(gateway, again) == len(BINDINGS), "all five are known")
        assert not steps_of(gateway, event.text["subject"]).keys() & {sent.text["id"] for sent in five.values()}

    each()
    after = gateway.settled()
    assert (after["interactions"], after["parked"]) == (before["interactions"], before["parked"])


def duplicates(gateway: Gateway, bodies: list[bytes]) -> int:
    answer = gateway.http.post(
        "/v1/events",
        headers={"content-type": "application/cloudevents-batch+json"},
        content=b"[" + b",".join(bodies) + b"]",
    )
    return int(answer.json()["duplicate"])
