"""Whatever bytes a topic holds, each record is read alone: accepted with what Postgres can keep, or parked."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pathline.codec import json_format
from pathline.errors import Refused
from pathline.vocabulary import TYPES
from pathline_gateway.intake.record import Accepted, Parked
from pathline_gateway.intake.record_parser import parse_record
from support.examples import examples
from support.generators.events import ORG, events_of

STRUCTURED = ("content-type", b"application/cloudevents+json")
NASTY: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, 0, -1, 2**31, 2**63, 2**64, 10**300, 1e308, 5e-324, float("nan"), float("inf"), "", "\x00",
        "a\x00b", "\ud800", "\uffff", "\U0010ffff", "x" * 3000, "\u0130" * 300, "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59.999999999-23:59", "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "urn:pathline:a:b",
        "org.pathline.interaction.corrected.v1", "v1.AAAAAAAAAAAAAAAAAAAAAA", [], {}, [[]], {"": {"\x00": "\x00"}},
    ]
).map(copy.deepcopy)  # fmt: skip


@dataclass
class Held:
    """A record as a consumer hands it over."""

    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None
    key: bytes | None = None
    topic: str = f"pathline.in.{ORG}"
    partition: int = 0
    offset: int = 0
    timestamp: int = field(default=0)


def keepable(found: Accepted | Parked) -> None:
    """Every text of it fits a text column, every time a timestamptz, and what is stored comes apart again."""
    if isinstance(found, Parked):
        texts = [found.reason, found.detail, found.field or "", found.org or ""]
    else:
        it = found
        texts = [*it.identity, *it.ref, it.type, it.sequence or "", *(text or "" for text in it.columns)]
        for at in (it.time, it.recordedtime):
            assert at is None or 1 <= at.astimezone(UTC).year <= 9999
        extra, data = found.stored_bytes.split(b"\n", 1)
        assert isinstance(json.loads(extra), dict)
        json.loads(data)
        assert len(found.digest) == 16
    for text in texts:
        assert "\x00" not in text
        text.encode()


@given(st.lists(st.tuples(st.text(), st.none() | st.binary())), st.none() | st.binary())
def test_arbitrary_bytes_are_read(headers: list[tuple[str, bytes | None]], value: bytes | None) -> None:
    keepable(parse_record(Held(headers, value)))


@given(
    st.lists(st.tuples(st.sampled_from(["ce_id", "ce_type", "ce_time", "ce_own", "content-type"]), st.binary())),
    st.binary(),
)
def test_arbitrary_attributes_are_read(headers: list[tuple[str, bytes]], value: bytes) -> None:
    keepable(parse_record(Held(headers, value)))


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A valid event in which some values, at any depth, are replaced by nasty ones."""
    event = json.loads(json_format.encode(draw(events_of(TYPES[draw(st.sampled_from(sorted(TYPES)))]))))
    for _ in range(draw(st.integers(1, 3))):
        _spoil(draw, event)
    text = json.dumps(event, ensure_ascii=draw(st.booleans()))
    return text.encode("utf-8", "surrogatepass")


def _spoil(draw: st.DrawFn, event: dict[str, Any]) -> None:
    holder: Any = event
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        inner = holder[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            holder = inner
            continue
        holder[key] = draw(NASTY)
        return


@given(spoilt())
@examples(400, deadline=None)
def test_a_spoilt_event_is_read_and_refuses_without_its_values(raw: bytes) -> None:
    found = parse_record(Held([STRUCTURED], raw))
    keepable(found)
    try:
        json_format.decode(raw)
    except Refused:
        assert isinstance(found, Parked)


@given(st.integers(1, 400), st.sampled_from(["[", '{"a":']))
def test_data_of_any_depth_is_read(depth: int, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    deep = opening * depth + "1" + closing * depth
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": f"urn:pathline:{ORG}:desk",
        "type": "org.pathline.interaction.corrected.v1",
        "subject": "v1.AAAAAAAAAAAAAAAAAAAAAA",
        "time": "2026-03-02T09:00:00Z",
        "data": {"source": f"urn:pathline:{ORG}:desk", "id": "0", "reason": "other", "replacement": {"data": {"x": 0}}},
    }
    value = json.dumps(event).replace('{"x": 0}', f'{{"x": {deep}}}').encode()
    keepable(parse_record(Held([STRUCTURED], value)))
    binary = [(f"ce_{name}", str(text).encode()) for name, text in event.items() if name != "data"]
    keepable(
        parse_record(
            Held(
                [*binary, ("content-type", b"application/json")],
                json.dumps(event["data"]).replace('{"x": 0}', f'{{"x": {deep}}}').encode(),
            )
        )
    )
