"""The codec: what goes out comes in again through every binding, the official SDK agrees, and garbage is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from cloudevents.core.bindings import http as sdk_http
from cloudevents.core.bindings import kafka as sdk_kafka
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import given
from hypothesis import strategies as st

from pathline.cloudevent import CloudEvent
from pathline.codec import http, kafka
from pathline.errors import Refused
from support.examples import examples
from support.generators.events import events


def _one(found: list[CloudEvent | Refused]) -> CloudEvent:
    (event,) = found
    assert isinstance(event, CloudEvent), event
    return event


THROUGH: dict[str, Callable[[CloudEvent], CloudEvent]] = {
    "http-binary": lambda event: _one(http.decode(*http.encode(event))),
    "http-structured": lambda event: _one(http.decode(*http.encode_structured(event))),
    "http-batch": lambda event: _one(http.decode(*http.encode_batch([event]))),
    "kafka-binary": lambda event: kafka.decode(*kafka.encode(event)),
    "kafka-structured": lambda event: kafka.decode(*kafka.encode_structured(event)),
}


@pytest.mark.parametrize("binding", THROUGH)
@given(event=events())
@examples(25)
def test_an_event_goes_through_a_binding_unchanged(binding: str, event: CloudEvent) -> None:
    back = THROUGH[binding](event)
    assert dict(back.text) == dict(event.text)
    assert json.loads(back.data or b"null") == json.loads(event.data or b"null")


@given(event=events())
@examples(25)
def test_the_official_sdk_reads_what_we_write(event: CloudEvent) -> None:
    for read in (_sdk_http(*http.encode(event)), _sdk_http(*http.encode_structured(event))):
        assert read.get_id() == event.text["id"]
        assert read.get_source() == event.text["source"]
        assert read.get_subject() == event.text["subject"]
        assert read.get_data() == json.loads(event.data or b"null")
    headers, value = kafka.encode(event)
    consumed = sdk_kafka.from_binary_event(sdk_kafka.KafkaMessage(dict(headers), None, value or b""))
    assert (consumed.get_id(), consumed.get_data()) == (event.text["id"], json.loads(event.data or b"null"))


def _sdk_http(headers: list[tuple[str, str]], body: bytes) -> SdkEvent:
    read = sdk_http.from_http_event(sdk_http.HTTPMessage(dict(headers), body))
    assert isinstance(read, SdkEvent)
    return read


_headers = st.lists(
    st.tuples(st.sampled_from(["ce-id", "ce-source", "ce-type", "ce-specversion", "content-type", "ce-é"]), st.text()),
    max_size=6,
)


@given(headers=_headers, body=st.binary(max_size=200))
def test_whatever_comes_over_http_is_an_event_or_a_refusal(headers: list[tuple[str, str]], body: bytes) -> None:
    try:
        found = http.decode([(name, text.encode("utf-8", "replace").decode("latin-1")) for name, text in headers], body)
    except Refused:
        return
    assert all(isinstance(each, CloudEvent | Refused) for each in found)


@given(
    headers=st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=40)), max_size=6),
    value=st.none() | st.binary(max_size=200),
)
def test_whatever_a_record_holds_is_an_event_or_a_refusal(
    headers: list[tuple[str, bytes | None]], value: bytes | None
) -> None:
    with suppress(Refused):
        assert isinstance(kafka.decode(headers, value), CloudEvent)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "data", "data_base64", "specversion", "x y"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(item=_json, batch=st.booleans())
def test_whatever_json_comes_is_events_or_refusals(item: object, batch: bool) -> None:
    kind = "application/cloudevents-batch+json" if batch else "application/cloudevents+json"
    try:
        found = http.decode([("content-type", kind)], json.dumps(item).encode())
    except Refused:
        return
    assert len(found) == (len(item) if batch and isinstance(item, list) else 1)


@pytest.mark.parametrize(
    ("headers", "value", "reason"),
    [
        ([], b"{}", "malformed"),
        ([("content-type", b"application/cloudevents+json")], None, "malformed"),
        ([("content-type", b"application/cloudevents-batch+json")], b"[]", "malformed"),
        ([("ce_id", b"1"), ("ce_id", b"2")], b"{}", "invalid-attribute"),
        ([("ce_id", b"\xff")], b"{}", "invalid-attribute"),
        ([("ce_id", None)], b"{}", "invalid-attribute"),
        ([("ce_not-a-name", b"1")], b"{}", "invalid-attribute"),
        ([("ce_id", b"1"), ("content-type", b"image/png")], b"\x89PNG", "unsupported-content-type"),
    ],
)
def test_a_refusal_has_a_stable_reason(
    headers: list[tuple[str, bytes | None]], value: bytes | None, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        kafka.decode(headers, value)
    assert refused.value.reason == reason


def test_a_refused_attribute_is_named_and_its_value_is_not_repeated() -> None:
    with pytest.raises(Refused) as refused:
        http.decode([("ce-id", "a\tsecret"), ("ce-specversion", "1.0")], b"{}")
    assert refused.value.field == "id"
    assert "secret" not in str(refused.value)
