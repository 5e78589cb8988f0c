"""The AsyncAPI document says what is published: its examples, what the SDK sends, and what the gateway refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry, Specification
from referencing.jsonschema import DRAFT7, DRAFT202012, SchemaRegistry

from contracts.schema_oracle import ecma_pattern, formats, model_accepts, mutated
from pathline import CloudEvent, Interaction, Refused, accept, publish
from pathline.asyncapi import Deployment, document
from pathline.codec import kafka
from pathline.errors import PersonalNumber
from pathline.schema import notice_schemas, schemas
from pathline.testing import RecordingProducer, example
from pathline.vocabulary import TYPES, NeedMet, Payload
from pathline.vocabulary.notices import NOTICES
from pathline_gateway.streams.kafka.record import build_record
from support.generators.events import events

DOCUMENT = json.loads(json.dumps(document(schemas())))
URI = "urn:asyncapi"


def strict(cls: type[Validator], specification: Specification[Any]) -> tuple[type[Validator], SchemaRegistry]:
    registry: SchemaRegistry = Registry().with_resource(URI, specification.create_resource(DOCUMENT)).crawl()
    return extend(cls, {"pattern": ecma_pattern}), registry  # type: ignore[no-untyped-call]


DIALECTS = {"draft-07": strict(Draft7Validator, DRAFT7), "2020-12": strict(Draft202012Validator, DRAFT202012)}


def validator(pointer: str, dialect: str = "draft-07") -> Validator:
    """Validates against what stands in the document there; AsyncAPI's own dialect is draft-07."""
    cls, registry = DIALECTS[dialect]
    return cls({"$ref": f"{URI}#{pointer}"}, registry=registry, format_checker=formats)


HEADERS = {name: validator(f"/components/messages/{name}/headers") for name in [*TYPES, "structured"]}
PAYLOADS = {name: validator(f"/components/messages/{name}/payload") for name in [*TYPES, "structured"]}
KEY = validator("/components/messageBindings/bySubject/kafka/key")


def texts(headers: list[tuple[str, bytes]]) -> dict[str, str]:
    return {name: value.decode() for name, value in headers}


def references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [found for each in part for found in references(each)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [found for each in part.values() for found in references(each)]


def test_every_reference_leads_to_something_in_the_document() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > len(TYPES)
    for reference in found:
        place = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", [*TYPES, "structured"])
def test_the_examples_of_a_message_fit_it(name: str, dialect: str) -> None:
    examples = DOCUMENT["components"]["messages"][name]["examples"]
    assert examples
    for shown in examples:
        for part in ("headers", "payload"):
            validator(f"/components/messages/{name}/{part}", dialect).validate(shown[part])
        headers = [(name, text.encode()) for name, text in shown["headers"].items()]
        accept(kafka.decode(headers, json.dumps(shown["payload"]).encode()))


@pytest.mark.parametrize("cls", TYPES.values(), ids=TYPES)
def test_the_second_example_of_a_type_has_every_field(cls: type[Payload]) -> None:
    shown = DOCUMENT["components"]["messages"][cls.type]["examples"][1]["payload"]
    assert shown.keys() == DOCUMENT["components"]["schemas"][cls.type]["properties"].keys()
    assert [] not in shown.values()


@given(events())
async def test_what_the_sdk_publishes_fits_the_message_of_its_type(event: CloudEvent) -> None:
    told = accept(event)
    out = RecordingProducer()
    await publish(out, told)
    (record,) = out.sent
    HEADERS[told.type].validate(texts(record.headers))
    PAYLOADS[told.type].validate(json.loads(record.value or b""))
    KEY.validate(record.key.decode())
    assert record.topic == DOCUMENT["channels"]["in"]["address"].replace("{org}", told.org)


@given(events())
def test_what_is_sent_in_structured_mode_fits_its_message(event: CloudEvent) -> None:
    headers, value = kafka.encode_structured(event)
    HEADERS["structured"].validate(texts(headers))
    PAYLOADS["structured"].validate(json.loads(value))


@given(mutated())
def test_a_payload_fits_the_document_exactly_when_the_model_accepts_it(drawn: tuple[type[Payload], Any]) -> None:
    cls, data = drawn
    assert PAYLOADS[cls.type].is_valid(data) == model_accepts(cls, data)
    whole = {**DOCUMENT["components"]["messages"]["structured"]["examples"][0]["payload"], "type": cls.type}
    if isinstance(data, dict):
        assert PAYLOADS["structured"].is_valid({**whole, "data": data}) == model_accepts(cls, data)


NEED_MET = example(NeedMet, id="example-1")
ODD = (
    "", "1.0", "1.1", "x" * 201, "x" * 2049, "a\x00b", "\ufdd0", NeedMet.type, "org.pathline.wish.made.v1",
    "v1.AAAAAAAAAAAAAAAAAAAAAA", "v1.AAAAAAAAAAAAAAAAAAAAAB", "v0.AAAAAAAAAAAAAAAAAAAAAA",
    "urn:pathline:door-1:x", "urn:pathline:door-x:y", "urn:pathline:agency:",
    "urn:pathline:" + "a" * 64 + ":x", "urn:pathline:" + "a" * 65 + ":x",
    "2026-03-02T09:30:00Z", "2026-02-30T09:30:00Z", "2026-03-02T09:30:00", "2026-03-02t09:30:00.1z",
    "application/json", "text/x+json; charset=utf-8", "Application/JSON ;a", "text/plain",
)  # fmt: skip
NAMES = (
    "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_specversion", "ce_recordedtime", "ce_expirytime",
    "ce_sequence", "ce_correlationid", "ce_traceparent", "ce_own", "ce_data", "ce_datacontenttype", "content-type",
    "other",
)  # fmt: skip
odd = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=8)


@given(st.sampled_from(NAMES), st.none() | odd)
def test_headers_fit_the_document_exactly_when_the_gateway_accepts_them(name: str, text: str | None) -> None:
    headers, value = kafka.encode(NEED_MET.event)
    changed = texts(headers)
    changed.pop(name, None)
    if text is not None:
        changed[name] = text
    try:
        accept(kafka.decode([(each, said.encode()) for each, said in changed.items()], value))
    except PersonalNumber:
        return  # what looks like somebody's number is no matter of a schema
    except Refused:
        assert not HEADERS[NeedMet.type].is_valid(changed)
    else:
        HEADERS[NeedMet.type].validate(changed)


def test_a_type_is_told_by_its_own_message_alone() -> None:
    other: Interaction[Payload] = example(TYPES["org.pathline.need.expressed.v1"])
    headers = texts(kafka.encode(other.event)[0])
    assert [name for name, fits in HEADERS.items() if name != "structured" and fits.is_valid(headers)] == [other.type]


def test_a_deployment_tells_its_brokers_its_group_and_how_to_sign_in() -> None:
    told = document(
        schemas(), Deployment(("one:9093", "two:9093"), "SASL_SSL", group="theirs", door_topic="pathline.in.door-2")
    )
    assert [server["host"] for server in told["servers"].values()] == ["one:9093", "two:9093"]
    assert {server["protocol"] for server in told["servers"].values()} == {"kafka-secure"}
    assert told["components"]["securitySchemes"]["signIn"]["type"] == "scramSha512"
    assert told["operations"]["takeIn"]["bindings"]["kafka"]["groupId"]["const"] == "theirs"
    assert told["channels"]["door"]["address"] == "pathline.in.door-2"
    (untold,) = DOCUMENT["servers"].values()
    assert untold["host"] == "{broker}"
    assert "security" not in untold


@given(st.sampled_from(sorted(NOTICES)), st.integers(1, 10**9))
def test_what_the_gateway_writes_to_the_topic_of_a_subscription_fits_its_message(name: str, number: int) -> None:
    (shown,) = notice_schemas()[name]["examples"]
    event = {**shown, "number": number}
    headers = texts(build_record(event).headers)
    validator(f"/components/messages/{name}/headers").validate(headers)
    validator("/components/messages/delivery/headers").validate(headers)
    with pytest.raises(ValidationError):
        validator(f"/components/messages/{name}/headers").validate({**headers, "ce_type": "org.pathline.other.v1"})
    messages = DOCUMENT["channels"]["out"]["messages"]
    assert messages.keys() == {"delivery", *NOTICES}
