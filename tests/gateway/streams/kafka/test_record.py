"""What a record says is what the event says, as any reader of CloudEvents reads it."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pathline.codec.kafka import decode
from pathline_gateway.streams.kafka.record import BATCH_OVERHEAD, build_record
from pathline_gateway.streams.kafka.write_range import BrokerPosition, next_range, resume_after

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=40)
VALUES = TEXTS | st.booleans() | st.integers(-(2**31), 2**31 - 1)
ATTRIBUTES = st.dictionaries(st.from_regex(r"own[a-z0-9]{1,8}", fullmatch=True), VALUES, max_size=6)
DATA = st.none() | st.dictionaries(TEXTS, TEXTS | st.integers(0, 9), max_size=4)


@given(ATTRIBUTES, DATA, st.integers(1, 2**31 - 1), st.none() | st.uuids().map(str), st.none() | st.just("00-a-b-01"))
def test_a_reader_has_every_attribute_and_the_data(
    more: dict[str, Any], data: dict[str, Any] | None, number: int, pathway: str | None, trace: str | None
) -> None:
    names = {"specversion": "1.0", "id": "e1", "source": "urn:s", "type": "t", "number": number}
    event = {**more, **names, **({} if pathway is None else {"pathway": pathway})}
    told = event if data is None else {**event, "datacontenttype": "application/json", "data": data}
    record = build_record(told)
    assert trace is None or record.traced(trace).headers[:-1] == record.headers
    record = record if trace is None else record.traced(trace)
    read = decode(record.headers, record.value)
    expected = {
        name: ("true" if value else "false") if isinstance(value, bool) else str(value) for name, value in event.items()
    }
    if data is not None:
        expected["datacontenttype"] = "application/json"
    assert read.attributes == expected
    assert (orjson.loads(record.value) if data is not None else record.value) == (b"" if data is None else data)
    assert record.key == (None if pathway is None else pathway.encode())
    assert dict(record.headers).get("traceparent") == (None if trace is None else trace.encode())
    least = sum(len(name) + len(text) for name, text in record.headers) + len(record.value) + len(record.key or b"")
    assert least < record.size < least + BATCH_OVERHEAD + 16 * len(record.headers)


@given(st.integers(0, 60), st.integers(0, 40), st.integers(0, 80), st.integers(1, 30))
def test_ranges_cover_every_number_once_and_say_which_are_forgotten(
    after: int, pruned: int, last: int, size: int
) -> None:
    last, pruned = max(last, after), min(pruned, max(last, after))
    written, forgotten, position = list[int](), list[int](), after
    while (numbers := next_range(position, pruned, last, size)) is not None:
        assert numbers.through - numbers.first < size
        forgotten += range(numbers.after + 1, numbers.first) if numbers.forgets else ()
        written += range(numbers.first, numbers.through + 1)
        position = numbers.through
    assert position == max(after, last)
    assert sorted(forgotten + written) == list(range(after + 1, last + 1))
    assert all(number > pruned for number in written)


@given(st.integers(0, 9), st.none() | st.tuples(st.integers(0, 9), st.sampled_from("ab")), st.sampled_from((None, "a")))
def test_the_broker_s_position_counts_unless_numbers_were_given_anew(
    acked: int, committed: tuple[int, str] | None, expected: str | None
) -> None:
    position = None if committed is None else BrokerPosition(*committed)
    found = resume_after(acked, position, expected)
    is_other = committed is not None and expected is not None and committed[1] != expected
    assert found == (acked if committed is None or is_other else max(acked, committed[0]))
