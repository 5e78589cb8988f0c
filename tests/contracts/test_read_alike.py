"""What two readers would read differently, or a bad neighbour would spoil, is refused by itself and said truly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline.cloudevent import CloudEvent
from pathline.codec import http, json_format, kafka
from pathline.codec.unique_names import has_repeated_name
from pathline.errors import InvalidAttribute, InvalidData, PersonalNumber, Refused
from pathline.interaction import RESERVED_ATTRIBUTES, accept
from pathline.testing import example
from pathline.vocabulary import ContactMade, NeedExpressed

GOOD = json_format.encode(example(ContactMade, id="good").event)
BAD = {
    "half a surrogate pair": GOOD.replace(b'"good"', b'"\\ud83d"'),
    "NaN": GOOD.replace(b'"good"', b"NaN"),
    "no UTF-8": GOOD.replace(b'"good"', b'"\xff"'),
    "a name twice": GOOD.replace(b'"id":"good"', b'"id":"good","id":"other"'),
    "a name twice within data": GOOD.replace(b'"data":{', b'"data":{"kind":"chase",'),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_event_leaves_its_neighbours_be(bad: bytes, place: int) -> None:
    parts = [GOOD, GOOD]
    parts.insert(place, bad)
    read = json_format.decode_batch(b"[" + b" ,\n".join(parts) + b"]")
    assert [isinstance(each, Refused) for each in read] == [n == place for n in range(3)]


@pytest.mark.parametrize("raw", [b"[", b"[1,]", b"[1 2]", b"[1]x", b"{}", b"", b"[NaN", b"[NaN,,1]"])
def test_what_is_no_array_is_refused_as_a_whole(raw: bytes) -> None:
    with pytest.raises(Refused):
        json_format.decode_batch(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(JSON, st.booleans())
def test_what_names_everything_once_is_never_said_to_name_it_twice(value: object, ascii: bool) -> None:
    assert not has_repeated_name(json.dumps(value, ensure_ascii=ascii).encode())


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=4), min_size=1, max_size=3), st.data(), st.booleans())
def test_a_name_that_stands_twice_is_found(members: dict[str, str], data: st.DataObject, nested: bool) -> None:
    repeated = data.draw(st.sampled_from(sorted(members)))
    spelt = "".join(f"\\u{ord(c):04x}" for c in repeated) if repeated.isascii() else json.dumps(repeated)[1:-1]
    text = json.dumps(members)[:-1] + f', "{spelt}": 1}}'
    assert has_repeated_name((f'[{{"a": {text}}}]' if nested else text).encode())


def test_data_that_names_a_field_twice_is_refused_in_every_mode() -> None:
    event = example(ContactMade).event
    assert event.data is not None
    twice = CloudEvent(event.attributes, event.data.replace(b"{", b'{"kind":"chase",', 1))
    for decoded in (http.decode(*http.encode(twice))[0], kafka.decode(*kafka.encode(twice))):
        assert isinstance(decoded, CloudEvent)
        with pytest.raises(InvalidData, match="names a field twice"):
            accept(decoded)


def test_a_byte_order_mark_is_taken() -> None:
    mark = b"\xef\xbb\xbf"
    assert json_format.decode(mark + GOOD).attributes["id"] == "good"
    assert len(json_format.decode_batch(mark + b"[" + GOOD + b"]")) == 1
    headers, body = http.encode(example(ContactMade).event)
    (read,) = http.decode(headers, mark + body)
    assert isinstance(read, CloudEvent)
    accept(read)


@pytest.mark.parametrize("name", sorted(RESERVED_ATTRIBUTES))
def test_what_the_gateway_says_of_events_no_publisher_says(name: str) -> None:
    event = example(ContactMade).event
    with pytest.raises(InvalidAttribute, match="give the attribute another name") as refused:
        accept(CloudEvent({**event.attributes, name: "x"}, event.data))
    assert refused.value.field == name


def test_a_leap_second_is_named_for_what_it_is() -> None:
    event = example(ContactMade).event
    with pytest.raises(InvalidAttribute, match="leap second"):
        accept(CloudEvent({**event.attributes, "time": "2016-12-31T23:59:60Z"}, event.data))
    with pytest.raises(InvalidAttribute, match="RFC 3339"):
        accept(CloudEvent({**event.attributes, "time": "2016-12-31T23:59:61Z"}, event.data))


@pytest.mark.parametrize("field", ["need", "episode"])
def test_an_id_in_the_data_that_is_somebodys_number_is_refused(field: str) -> None:
    data: dict[str, Any] = {"need": "need-1", "code": "food", field: "123456782"}
    event = example(NeedExpressed).event
    with pytest.raises(PersonalNumber) as refused:
        accept(CloudEvent(event.attributes, json.dumps(data).encode()))
    assert refused.value.field == f"data.{field}"
    assert "123456782" not in str(refused.value)


def test_a_mistake_in_a_payload_is_told_in_plain_words() -> None:
    with pytest.raises(InvalidData) as refused:
        NeedExpressed(need="n-1", cod="food")  # type: ignore[call-arg]
    assert "data.cod: is not a field of this type; did you mean code?" in str(refused.value)
    assert "pydantic" not in str(refused.value)
