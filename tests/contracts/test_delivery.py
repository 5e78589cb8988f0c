"""What a subscriber is told is read as the type that it is, with None for what she may not know."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline.codec import kafka
from pathline.delivery import Names, read_delivery, read_payload
from pathline.errors import Refused
from pathline.schema import notice_schemas
from pathline.testing import example
from pathline.vocabulary import TYPES, HandoffOffered, Payload
from pathline.vocabulary.notices import NOTICES


def record(event: dict[str, Any]) -> tuple[list[tuple[str, bytes]], bytes]:
    """As the gateway writes it: see `streams/kafka/record.py`."""
    data = event.pop("data", None)
    headers = [(f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "datacontenttype"]
    return headers, b"" if data is None else json.dumps(data).encode()


@pytest.mark.parametrize("name", TYPES)
def test_a_whole_event_is_read_as_its_type_with_the_names(name: str) -> None:
    made = example(TYPES[name], every_field=True)
    headers, value = kafka.encode(made.event)
    told = read_delivery([*headers, ("ce_number", b"17"), ("ce_series", b"2"), ("ce_pathway", b"p")], value)
    assert told.content == made.payload
    names = told.names
    assert (names.number, names.series, names.pathway, names.id, names.source) == (17, 2, "p", made.id, made.source)


@given(st.sampled_from(sorted(TYPES)), st.data())
def test_whatever_is_left_out_is_none_and_everything_else_is_as_it_was(name: str, data: st.DataObject) -> None:
    kind = TYPES[name]
    whole = json.loads(example(kind, every_field=True).event.data or b"{}")
    left = data.draw(st.sets(st.sampled_from(sorted(whole))))
    told = read_payload(kind, json.dumps({key: value for key, value in whole.items() if key not in left}).encode())
    full = read_payload(kind, json.dumps(whole).encode())
    assert isinstance(told, kind)
    for field, info in kind.model_fields.items():
        key = info.alias or field
        if key not in left:
            assert getattr(told, field) == getattr(full, field)
        elif info.is_required():
            assert getattr(told, field) is None


def test_a_value_in_other_words_is_kept_as_it_was_told() -> None:
    told = read_payload(HandoffOffered, b'{"to": {"org": "housing"}, "handoff": 7}')
    assert isinstance(told, HandoffOffered)
    assert told.to.org == "housing"
    assert told.model_dump(include={"handoff", "context_released"}, warnings=False) == {
        "handoff": 7,
        "context_released": None,
    }


@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_is_read_as_its_class(name: str) -> None:
    (shown,) = notice_schemas()[name]["examples"]
    headers, value = record(dict(shown))
    told = read_delivery([*headers, ("content-type", b"application/json")] if "data" in shown else headers, value)
    assert type(told.content) is NOTICES[name]
    assert told.names.number == shown.get("number", 0)


def test_a_thin_event_and_an_unknown_type_have_names_and_no_content() -> None:
    attributes = {"specversion": "1.0", "id": "e", "source": "urn:s", "type": "org.pathline.contact.made.v1"}
    thin = read_delivery(*record({**attributes, "number": 3, "dataref": "/v1/x"}))
    assert (thin.content, thin.names) == (None, Names("urn:s", "e", attributes["type"], 3, dataref="/v1/x"))
    later = read_delivery(*record({**attributes, "type": "org.pathline.later.came.v9", "number": 4, "data": {"a": 1}}))
    assert (later.content, later.event.data) == (None, b'{"a": 1}')


@given(st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=8)), max_size=6), st.binary(max_size=20))
def test_what_is_no_delivery_is_refused_and_nothing_else_is_raised(
    headers: list[tuple[str, bytes | None]], value: bytes
) -> None:
    known = [("ce_specversion", b"1.0"), ("ce_id", b"i"), ("ce_source", b"s"), ("ce_type", b"t")]
    for some in (headers, [*known, *headers], [*known[:3], ("ce_type", b"org.pathline.contact.made.v1"), *headers]):
        try:
            told = read_delivery(some, value)
        except Refused:
            continue
        assert told.content is None or isinstance(told.content, Payload)
