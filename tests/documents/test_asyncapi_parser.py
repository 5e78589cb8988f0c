"""The official AsyncAPI parser accepts the document, and reads in it what we mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway import Gateway, running
from node_packages import accepted

from pathline.asyncapi import Deployment, document
from pathline.schema import schemas
from pathline.vocabulary import TYPES
from pathline_gateway.documents.kafka_side import deployment
from pathline_gateway.settings import Settings

COMMITTED = Path(__file__).parents[2] / "contracts/asyncapi.json"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(tmp_path_factory.mktemp("gateway"), PATHLINE_GROUP="our-group") as up:
        yield up


def complaints(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Less the advice to name 3.1, which has nothing new for Kafka."""
    return [each for each in found["diagnostics"] if each["code"] != "asyncapi-latest-version"]


def test_the_committed_document_is_accepted_with_every_type_in_it() -> None:
    found = accepted(COMMITTED)
    assert complaints(found) == []
    assert {name for name, *_ in found["messages"]} == {*TYPES, "structured"}
    assert all(has_payload and has_headers for _, has_payload, has_headers in found["messages"])
    assert found["channels"] == [["pathline.in.{org}", len(TYPES) + 1], ["pathline.in.door-1", len(TYPES) + 1]]


def test_a_gateway_serves_its_own_topics_group_and_broker(gateway: Gateway, tmp_path: Path) -> None:
    answer = gateway.http.get("/asyncapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    served = tmp_path / "asyncapi.json"
    served.write_bytes(answer.content)
    found = accepted(served)
    assert complaints(found) == []
    assert found["groups"] == ["our-group", "our-group"]
    (host,) = found["servers"]
    assert host.startswith("127.0.0.1:")
    told = {status["topic"] for status in gateway.http.get("/v1/status").json()["partitions"]}
    assert told == {address for address, _ in found["channels"]} - {"pathline.in.{org}"}


def test_a_secured_deployment_with_several_brokers_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "asyncapi.json"
    file.write_text(
        json.dumps(document(schemas(), Deployment(("a.example.org:9093", "b.example.org:9093"), "SASL_SSL")))
    )
    found = accepted(file)
    assert complaints(found) == []
    assert found["servers"] == ["a.example.org:9093", "b.example.org:9093"]


def test_a_document_with_a_mistake_is_refused(tmp_path: Path) -> None:
    broken = document(schemas())
    broken["components"]["messages"]["org.pathline.need.met.v1"]["examples"][0]["payload"]["kind"] = "invented"
    broken["channels"]["in"]["messages"]["gone"] = {"$ref": "#/components/messages/gone"}
    file = tmp_path / "asyncapi.json"
    file.write_text(json.dumps(broken))
    assert {each["severity"] for each in complaints(accepted(file))} >= {0}


def test_where_the_gateway_finds_its_broker_is_told_to_nobody_unless_meant_for_them() -> None:
    inside = Settings(kafka="inside:9092")
    assert deployment(inside).brokers == ()
    assert deployment(inside.model_copy(update={"dev_auth": "off"})).brokers == ("inside:9092",)
    outside = inside.model_copy(update={"kafka_for_publishers": "one:9093, two:9093"})
    assert deployment(outside).brokers == ("one:9093", "two:9093")
