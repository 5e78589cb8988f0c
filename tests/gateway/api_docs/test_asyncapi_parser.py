"""The official AsyncAPI parser accepts the document, and reads in it what we mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pathline.asyncapi import Deployment, document
from pathline.schema import schemas
from pathline.vocabulary import TYPES
from pathline.vocabulary.notices import NOTICES
from pathline_gateway.api_docs.asyncapi import build_deployment
from pathline_gateway.settings import Settings
from support.gateways.process import Gateway
from support.node_packages import accepted
from support.repository import ROOT

COMMITTED = ROOT / "contracts/asyncapi.json"
MET = "org.pathline.need.met.v1"
SECURED = Deployment(("a.example.org:9093", "b.example.org:9093"), "SASL_SSL")


@pytest.fixture(scope="module")
def found(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the parser makes of each document, by what it is. Every type takes it long, so each document has one."""
    documents = {
        "served": json.dumps(with_one_type(gateway.http.get("/asyncapi.json").json())),
        "secured": json.dumps(with_one_type(document(schemas(), SECURED))),
        "broken": json.dumps(broken()),
    }
    return parsed(tmp_path_factory.mktemp("asyncapi"), documents)


def parsed(folder: Path, documents: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What the parser makes of each."""
    files = [folder / f"{name}.json" for name in documents]
    for file, text in zip(files, documents.values(), strict=True):
        file.write_text(text)
    return dict(zip(documents, accepted(files), strict=True))


def with_one_type(told: dict[str, Any]) -> dict[str, Any]:
    """The document with one type alone, and the shapes that the type refers to."""
    components = told["components"]
    out = told["channels"]["out"]["messages"]
    components["messages"] = {MET: components["messages"][MET], **{name: components["messages"][name] for name in out}}
    for name in ("in", "door"):
        told["channels"][name]["messages"] = {MET: told["channels"][name]["messages"][MET]}
    wanted = [components["messages"], components["messageBindings"]]
    kept: dict[str, Any] = {}
    while wanted:
        for name in re.findall(r"#/components/schemas/([\w.]+)", json.dumps(wanted.pop())):
            if name not in kept:
                kept[name] = components["schemas"][name]
                wanted.append(kept[name])
    components["schemas"] = kept
    return told


def broken() -> dict[str, Any]:
    """With an example that its schema refuses, and a reference to nothing."""
    told = with_one_type(document(schemas()))
    told["components"]["messages"][MET]["examples"][0]["payload"]["kind"] = "invented"
    told["channels"]["in"]["messages"]["gone"] = {"$ref": "#/components/messages/gone"}
    return told


def complaints(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Less the advice to name 3.1, which has nothing new for Kafka."""
    return [each for each in found["diagnostics"] if each["code"] != "asyncapi-latest-version"]


@pytest.mark.long
def test_the_document_is_accepted_with_every_type_in_it(gateway: Gateway, tmp_path: Path) -> None:
    served = parsed(tmp_path, {"served": gateway.http.get("/asyncapi.json").text})["served"]
    assert complaints(served) == []
    assert {name for name, *_ in served["messages"]} == {*TYPES, "structured", "delivery", *NOTICES}
    assert all(has_payload and has_headers for _, has_payload, has_headers in served["messages"])
    assert {count for _, count in served["channels"]} == {len(TYPES) + 1, len(NOTICES) + 1}


def test_the_document_that_is_served_is_the_committed_one(gateway: Gateway) -> None:
    # The committed document differs in nothing but where it is served, so the parser need read but one of them.
    here, committed = gateway.http.get("/asyncapi.json").json(), json.loads(COMMITTED.read_text())
    assert here["components"] == committed["components"]
    assert here["channels"]["in"] == committed["channels"]["in"]


def test_a_gateway_serves_its_own_topics_group_and_broker(gateway: Gateway, found: dict[str, dict[str, Any]]) -> None:
    assert gateway.http.get("/asyncapi.json").headers["content-type"] == "application/json"
    served = found["served"]
    assert complaints(served) == []
    assert served["groups"] == ["our-group", "our-group"]
    (host,) = served["servers"]
    assert host.startswith("127.0.0.1:")
    told = {status["topic"] for status in gateway.http.get("/v1/status").json()["partitions"]}
    assert told == {address for address, _ in served["channels"]} - {"pathline.in.{org}", "pathline.out.{subscription}"}


def test_a_secured_deployment_with_several_brokers_is_accepted(found: dict[str, dict[str, Any]]) -> None:
    assert complaints(found["secured"]) == []
    assert found["secured"]["servers"] == ["a.example.org:9093", "b.example.org:9093"]


def test_a_document_with_a_mistake_is_refused(found: dict[str, dict[str, Any]]) -> None:
    assert {each["severity"] for each in complaints(found["broken"])} >= {0}


def test_where_the_gateway_finds_its_broker_is_told_to_nobody_unless_meant_for_them() -> None:
    inside = Settings(kafka="inside:9092")
    assert build_deployment(inside).brokers == ()
    assert build_deployment(inside.model_copy(update={"dev_auth": "off"})).brokers == ("inside:9092",)
    outside = inside.model_copy(update={"kafka_for_publishers": "one:9093, two:9093"})
    assert build_deployment(outside).brokers == ("one:9093", "two:9093")
