"""What an event says, compared: by its bytes where they are the same, by what they mean where they are not."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pydantic_core
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pathline.codec import http
from pathline.errors import InvalidData
from pathline.interaction import Interaction, accept
from pathline.testing import SUBJECT
from pathline_gateway.intake.content_digest import is_same_content, require_json
from pathline_gateway.intake.record_parser import build_digested_content, compute_content_digest
from support.examples import examples

USUAL: dict[str, Any] = {
    "specversion": "1.0",
    "id": "case-7",
    "source": "urn:pathline:clinic:desk",
    "type": "org.pathline.contact.made.v1",
    "subject": SUBJECT,
    "time": "2026-03-02T09:00:00+11:00",
    "datacontenttype": "application/json",
}
DATA: dict[str, Any] = {"kind": "enquiry", "channel": "phone"}
NUMBERS = st.sampled_from(["1e5", "1e308", "1e309", "-1E+400", "1.5e-400", "NaN", "-Infinity", "9" * 308, "9" * 400])
TEXTS = st.sampled_from(["7e", "4e21", "NaN", "Infinity", "0" * 320])


def binary_event(data: bytes | None = None, **attributes: Any) -> Interaction[Any]:
    """An event in binary mode."""
    given_attributes = {name: value for name, value in {**USUAL, **attributes}.items() if value is not None}
    content_type = given_attributes.pop("datacontenttype", None)
    headers = [(f"ce-{name}", value) for name, value in given_attributes.items()]
    headers += [("content-type", content_type)] if content_type else []
    (event,) = http.decode(headers, orjson.dumps(DATA) if data is None else data)
    return accept(event)  # type: ignore[arg-type]


def structured(**attributes: Any) -> Interaction[Any]:
    """The same in structured mode, its data written by whoever wrote the rest."""
    body = orjson.dumps({**USUAL, **attributes, "data": DATA}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    (event,) = http.decode([("content-type", "application/cloudevents+json")], body)
    return accept(event)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "again",
    [
        binary_event(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", tracestate="a=b"),
        binary_event(datacontenttype=None),
        binary_event(partitionkey="7"),
    ],
    ids=["another call", "no content type", "another key"],
)
def test_the_same_bytes_have_the_same_digest_whatever_path_they_took(again: Interaction[Any]) -> None:
    assert compute_content_digest(again) == compute_content_digest(binary_event())
    assert is_same_content(build_digested_content(again), build_digested_content(binary_event()))


@pytest.mark.parametrize(
    "again",
    [
        structured(),
        binary_event(b'{ "channel":"phone", "kind":"enqu\\u0069ry" }'),
        binary_event(time="2026-03-01T22:00:00Z"),
        binary_event(time="2026-03-02t09:00:00.000+11:00"),
    ],
    ids=["structured", "written otherwise", "in UTC", "with digits"],
)
def test_the_same_event_in_another_form_says_the_same(again: Interaction[Any]) -> None:
    assert is_same_content(build_digested_content(again), build_digested_content(binary_event()))


@pytest.mark.parametrize(
    "other",
    [
        binary_event(b'{"kind":"inform","channel":"phone"}'),
        binary_event(b'{"kind":"enquiry"}'),
        binary_event(time="2026-03-02T09:00:01+11:00"),
        binary_event(b'{"activity":"T04"}', type="org.pathline.activity.recorded.v1"),
        binary_event(subject=SUBJECT[:-1] + ("A" if SUBJECT[-1] != "A" else "Q")),
        binary_event(sequence="1"),
        binary_event(recordedtime="2026-03-02T09:00:00+11:00"),
        binary_event(correlationid="visit-1"),
        binary_event(own="theirs"),
    ],
    ids=["data", "less data", "time", "type", "subject", "sequence", "recorded", "correlation", "extension"],
)
def test_other_content_has_another_digest_and_says_something_else(other: Interaction[Any]) -> None:
    assert compute_content_digest(other) != compute_content_digest(binary_event())
    assert not is_same_content(build_digested_content(other), build_digested_content(binary_event()))


def test_the_offset_of_a_coarse_time_counts() -> None:
    day = b'{"kind":"enquiry","precision":"day"}'
    here, there = binary_event(day, time="2026-03-02T09:00:00+11:00"), binary_event(day, time="2026-03-01T22:00:00Z")
    assert not is_same_content(build_digested_content(here), build_digested_content(there))


def test_one_and_one_point_zero_and_true_are_three_things() -> None:
    head = b'{"time":"2026-03-01T22:00:00Z"}\n'
    whole = build_digested_content(binary_event())
    forms = [whole._replace(stored_bytes=head + b'{"n":%b}' % n) for n in (b"1", b"1.0", b"true")]
    assert [[is_same_content(a, b) for b in forms] for a in forms] == [[a is b for b in forms] for a in forms]


@st.composite
def texts_of_json(draw: st.DrawFn) -> bytes:
    """JSON as a sloppy writer makes it: names repeated, numbers that are none."""
    pairs = draw(
        st.lists(
            st.tuples(
                st.sampled_from("ab"),
                NUMBERS | TEXTS.map(lambda t: f'"{t}"') | st.integers().map(str) | st.floats(allow_nan=False).map(str),
            ),
            max_size=4,
        )
    )
    return ("{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}").encode()


@given(texts_of_json())
@example(b'{"kind":NaN,"kind":"enquiry"}')
@examples(500)
def test_what_a_validator_lets_through_is_json_by_the_strict_rules_or_refused(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        pydantic_core.from_json(data)  # as the contracts read it
        if _loads(data):
            require_json(data)
        else:
            with pytest.raises(InvalidData):
                require_json(data)


def _loads(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return True


def test_no_number_under_a_repeated_name_is_let_in() -> None:
    with pytest.raises(InvalidData):
        compute_content_digest(binary_event(b'{"kind":NaN,"kind":"enquiry"}'))
