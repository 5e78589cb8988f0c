"""A parked record on a terminal: the failing field is marked, and nothing that was sent moves the cursor."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.commands.json_locator import find_value_span
from pathline_gateway.commands.parked_view import printable, render_record
from pathline_gateway.intake.parked_repository import StoredParkedRecord

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=utf-8")]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def kept(headers: Sequence[tuple[str, bytes | None]], value: bytes | None, field: str | None) -> StoredParkedRecord:
    return StoredParkedRecord(
        id=7,
        topic="pathline.in.clinic",
        partition=1,
        offset=42,
        log_epoch=1,
        at=NOW,
        timestamp=0,
        key=b"key",
        value=value,
        headers=headers,
        reason="invalid-data",
        field=field,
        detail="is required",
        org="clinic",
        state="parked",
        parked_at=NOW,
        tried_at=None,
        resolved_at=None,
        resolved_by=None,
        resolution=None,
    )


def _paths(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield at, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        yield from _paths(child, (*at, str(name)))


@given(values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_the_place_of_every_path_holds_the_value_of_that_path(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    for path, expected in _paths(value):
        found = find_value_span(text, path)
        assert found is not None
        assert json.loads(text[slice(*found)]) == expected
        assert find_value_span(text, (*path, "not there")) is None or "not there" in expected


@given(st.text(alphabet='{}[]":,1 \\na', max_size=30), st.lists(st.sampled_from(["a", "0", "1"]), max_size=3))
def test_what_is_no_json_has_no_place_and_never_raises(text: str, path: list[str]) -> None:
    found = find_value_span(text, path)
    if found is not None:
        json.loads(text[slice(*found)])


@pytest.mark.parametrize(
    ("headers", "value", "field", "marked"),
    [
        ([("ce_id", b"1"), ("ce_subject", b"Anna")], b"{}", "subject", "ce_subject: Anna"),
        ([("ce_id", b"1")], b'{"to": {"org": "Housing!"}}', "data.to.org", '"Housing!"'),
        (STRUCTURED, b'{"id": "1", "data": {"n": [1, {"x": 2}]}}', "data.n.1.x", "2"),
        (STRUCTURED, b'{"id": "1", "subject": "Anna"}', "subject", '"Anna"'),
        ([("ce_id", b"1"), ("Content-Type", b"image/png")], b"", "datacontenttype", "Content-Type: image/png"),
        ([("ce_id", b"1")], b"no json", "data", "no json"),
    ],
    ids=["a header", "in the data", "in a list", "an attribute", "content-type", "the whole value"],
)
def test_the_failing_field_is_marked(headers: Any, value: bytes, field: str, marked: str) -> None:
    text = "\n".join(render_record(kept(headers, value, field)))
    assert f">>>{marked}<<<" in text
    assert text.count(">>>") == 1


def test_what_is_no_text_is_shown_in_hexadecimal_and_what_is_absent_as_none() -> None:
    text = "\n".join(render_record(kept([("ce_id", b"\xff"), ("x\udcff", None)], None, None)))
    assert "header ce_id: (hex) ff" in text
    assert "header x\\udcff: none" in text
    assert "value  none" in text


@given(st.text())
def test_no_character_that_a_terminal_obeys_is_printed(text: str) -> None:
    said = printable(text)
    assert {unicodedata.category(c) for c in said if c not in "\n\t"}.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    said.encode()
