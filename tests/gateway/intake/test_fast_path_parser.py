"""The quick reading of ordinary records says what the contracts say, or nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.records import ConsumedRecord
from pathline.cloudevent import CloudEvent
from pathline.codec import kafka
from pathline.testing import SUBJECT
from pathline_gateway.intake.fast_path_parser import parse_fast_path
from pathline_gateway.intake.header_layout import compute_layout
from pathline_gateway.intake.record import Accepted, Parked
from pathline_gateway.intake.record_parser import parse_record, parse_strict, topic_owner
from support.examples import examples
from support.generators.events import ORG, events

TOPICS = st.sampled_from(
    [f"pathline.in.{ORG}", "pathline.in.door-1", "pathline.in.somebody-else", "pathline.in.pathline"]
)
NASTY = st.sampled_from(
    [
        None, b"", b"\xff", b"\x00", "é".encode(), b"x" * 3000, b"123 456 782", b"1.1", b"2026-01-01T00:00:00",
        b"2026-01-01T00:00:00Z", b"9999-12-31T23:59:59Z", b"urn:pathline:somebody-else:desk", b"urn:pathline:door-1:x",
        b"urn:pathline:pathline:review",
        b"org.pathline.contact.made.v1", b"00-0-0-0", b"application/json; charset=utf-8", b"{}", b"null",
    ]
)  # fmt: skip
NAMES = st.sampled_from(
    ["ce_id", "CE_ID", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_recordedtime", "ce_specversion", "ce_own",
     "ce_sequence", "ce_correlationid", "ce_traceparent", "ce_data", "ce_datacontenttype", "ce_expirytime",
     "content-type", "Content-Type", "x-other"]
)  # fmt: skip


@st.composite
def records(draw: st.DrawFn) -> ConsumedRecord:
    """An event of the vocabulary as a record, with some headers taken away, added, repeated or changed."""
    headers, value = kafka.encode(draw(events()))
    changed: list[tuple[str, bytes | None]] = list(headers)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(changed) - 1))
        match draw(st.sampled_from(["drop", "add", "change", "repeat"])):
            case "drop" if len(changed) > 1:
                changed.pop(at)
            case "add":
                changed.insert(at, (draw(NAMES), draw(NASTY)))
            case "change":
                changed[at] = (changed[at][0], draw(NASTY))
            case _:
                changed.append(changed[at])
    return ConsumedRecord(draw(TOPICS), 0, value=draw(st.just(value) | NASTY), headers=tuple(changed))


@given(records())
@examples(500, deadline=None)
def test_what_is_read_quickly_is_what_is_read_closely(record: ConsumedRecord) -> None:
    quick = parse_fast_path(record, topic_owner(record.topic))
    if quick is not None:
        assert quick == parse_strict(record, topic_owner(record.topic))


def _usual(**more: str) -> ConsumedRecord:
    attributes = {
        "specversion": "1.0",
        "id": "case-7",
        "source": f"urn:pathline:{ORG}:desk",
        "type": "org.pathline.contact.made.v1",
        "subject": SUBJECT,
        "time": "2026-03-02T09:00:00+11:00",
        **more,
    }
    headers, value = kafka.encode(CloudEvent(attributes, b'{"kind":"enquiry","channel":"phone","precision":"day"}'))
    return ConsumedRecord(f"pathline.in.{ORG}", 0, value=value, headers=tuple(headers))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"recordedtime": "2026-03-02T09:00:00Z", "sequence": "7", "datacontenttype": "application/json"},
        {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "correlationid": "case-9"},
    ],
)
def test_what_agencies_usually_send_is_read_quickly(more: dict[str, str]) -> None:
    record = _usual(**more)
    assert isinstance(parse_fast_path(record, ORG), Accepted)
    assert parse_fast_path(record, ORG) == parse_strict(record, ORG)


def test_headers_may_stand_in_any_order() -> None:
    usual = _usual(sequence="7", correlationid="case-9")
    for turned in (usual.headers[::-1], (*usual.headers[3:], *usual.headers[:3])):
        record = replace(usual, headers=turned)
        assert isinstance(parse_fast_path(record, ORG), Accepted)
        assert parse_fast_path(record, ORG) == parse_strict(record, ORG)


def test_headers_that_nobody_knows_are_not_remembered() -> None:
    compute_layout.cache_clear()
    usual = _usual()
    for n in range(9):
        assert parse_fast_path(replace(usual, headers=(*usual.headers, (f"x-{n}", b"1"))), ORG) is None
    assert compute_layout.cache_info().currsize == 0


@pytest.mark.parametrize("attribute", ["id", "correlationid", "causationid"])
def test_a_personal_number_is_never_read_quickly(attribute: str) -> None:
    record = _usual(**{attribute: "123 456 782"})
    assert parse_fast_path(record, ORG) is None
    assert parse_fast_path(replace(record, topic="pathline.in.door-1"), None) is None


def test_the_gateways_own_organisation_is_believed_on_the_doors_topics_alone() -> None:
    attributes = {
        "specversion": "1.0",
        "id": "decision-1",
        "source": "urn:pathline:pathline:review",
        "type": "org.pathline.identity.linked.v1",
        "subject": SUBJECT,
        "time": "2026-03-02T09:00:00Z",
    }
    pair = [{"org": org, "subject": SUBJECT} for org in ("clinic", "court")]
    headers, value = kafka.encode(CloudEvent(attributes, json.dumps({"same": pair, "method": "review"}).encode()))
    own, door = (
        parse_record(ConsumedRecord(topic, 0, value=value, headers=tuple(headers)))
        for topic in ("pathline.in.pathline", "pathline.in.door-1")
    )
    assert isinstance(own, Parked)
    assert own.reason == "not-your-source"
    assert isinstance(door, Accepted)
