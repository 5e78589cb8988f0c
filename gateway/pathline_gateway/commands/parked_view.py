"""A parked record as an operator reads it: headers, value, and the field that fails marked.

Anybody may have written what is shown: characters that move a cursor or turn a line around are shown as escapes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from pathline_gateway.commands.json_locator import find_value_span
from pathline_gateway.intake.parked_repository import StoredParkedRecord

FAULT_MARKS = (">>>", "<<<")
"""Around what fails."""
_ALLOWED_CONTROLS = "\n\t"


def render_record(record: StoredParkedRecord) -> Iterator[str]:
    """The record, line by line."""
    yield f"parked {record.id}, {record.state}"
    yield f"  from       {record.topic}, partition {record.partition}, offset {record.offset} (log {record.log_epoch})"
    yield f"  publisher  {record.org or 'nobody who could be told'}"
    yield f"  at         {record.at or 'no time given'}, parked {record.parked_at}"
    if record.tried_at is not None:
        yield f"  replayed   in vain, last at {record.tried_at}"
    if record.state != "parked":
        resolution = printable(record.resolution or "")
        yield f"  {record.state:<10} at {record.resolved_at} by {record.resolved_by}: {resolution}"
    yield f"  reason     {record.reason}"
    yield f"  field      {record.field or '–'}"
    yield f"  detail     {printable(record.detail)}"
    if record.kept != "whole":
        yield f"  kept       {_describe_kept_part(record)}"
    yield ""
    yield from _render_headers(record)
    yield f"key    {_render_bytes(record.key)}"
    yield f"value  {_render_value(record)}"


def printable(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(c if c in _ALLOWED_CONTROLS or not _is_control(c) else ascii(c)[1:-1] for c in text)


def _describe_kept_part(record: StoredParkedRecord) -> str:
    if record.kept == "cut":
        value = "none" if record.value_size is None else f"{record.value_size:,} bytes"
        return f"its beginning; the whole: {record.size:,} bytes; the whole value: {value}, sha-256 {record.sha256}"
    offset_range = "" if record.last_offset in (None, record.offset) else f", up to offset {record.last_offset}"
    return f"only where it stands{offset_range}; size {record.size:,} bytes; sha-256 {record.sha256}"


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _render_headers(record: StoredParkedRecord) -> Iterator[str]:
    failing_headers = {
        f"ce_{record.field}",
        "content-type" if record.field in ("datacontenttype", "content-type") else f"ce_{record.field}",
    }
    for name, value in record.headers:
        line = f"{printable(name)}: {_render_bytes(value)}"
        yield f"header {_mark(line) if name.lower() in failing_headers else line}"


def _render_value(record: StoredParkedRecord) -> str:
    text = _decode_text(record.value)
    path = _value_path(record)
    span = None if text is None or path is None else _find_span(text, path)
    if text is None or span is None:
        return _render_bytes(record.value)
    start, end = span
    return printable(text[:start]) + _mark(printable(text[start:end])) + printable(text[end:])


def _find_span(text: str, path: Sequence[str]) -> tuple[int, int] | None:
    return find_value_span(text, path) if path else (0, len(text))


def _value_path(record: StoredParkedRecord) -> Sequence[str] | None:
    """Where in the value the field must be looked for; None when it is not in there."""
    if record.field is None:
        return None
    path = record.field.split(".")
    if _is_structured(record):
        return path
    return path[1:] if path[0] == "data" else None


def _is_structured(record: StoredParkedRecord) -> bool:
    types = (value for name, value in record.headers if name.lower() == "content-type" and value is not None)
    return next(types, b"").strip().lower().startswith(b"application/cloudevents")


def _mark(text: str) -> str:
    return f"{FAULT_MARKS[0]}{text}{FAULT_MARKS[1]}"


def _render_bytes(raw: bytes | None) -> str:
    if raw is None:
        return "none"
    text = _decode_text(raw)
    return f"(hex) {raw.hex()}" if text is None else printable(text)


def _decode_text(raw: bytes | None) -> str | None:
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        return None
