"""A parked record as an operator reads it: headers, value, and the field that fails marked.

Anybody may have written what is shown: characters that move a cursor or turn a line around are shown as escapes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from pathline_gateway.commands.json_locator import place
from pathline_gateway.intake.parked_repository import StoredParkedRecord

MARK = (">>>", "<<<")
"""Around what fails."""
_KEPT = "\n\t"


def shown(kept: StoredParkedRecord) -> Iterator[str]:
    """The record, line by line."""
    yield f"parked {kept.id}, {kept.state}"
    yield f"  from       {kept.topic}, partition {kept.partition}, offset {kept.offset} (log {kept.log_epoch})"
    yield f"  publisher  {kept.org or 'nobody who could be told'}"
    yield f"  at         {kept.at or 'no time given'}, parked {kept.parked_at}"
    if kept.tried_at is not None:
        yield f"  replayed   in vain, last at {kept.tried_at}"
    if kept.state != "parked":
        yield f"  {kept.state:<10} at {kept.resolved_at} by {kept.resolved_by}: {printable(kept.resolution or '')}"
    yield f"  reason     {kept.reason}"
    yield f"  field      {kept.field or '–'}"
    yield f"  detail     {printable(kept.detail)}"
    if kept.kept != "whole":
        yield f"  kept       {_kept(kept)}"
    yield ""
    yield from _headers(kept)
    yield f"key    {_said(kept.key)}"
    yield f"value  {_value(kept)}"


def printable(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(c if c in _KEPT or not _obeyed(c) else ascii(c)[1:-1] for c in text)


def _kept(kept: StoredParkedRecord) -> str:
    if kept.kept == "cut":
        value = "none" if kept.value_size is None else f"{kept.value_size:,} bytes"
        return f"its beginning; the whole: {kept.size:,} bytes; the whole value: {value}, sha-256 {kept.sha256}"
    several = "" if kept.last_offset in (None, kept.offset) else f", up to offset {kept.last_offset}"
    return f"only where it stands{several}; size {kept.size:,} bytes; sha-256 {kept.sha256}"


def _obeyed(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _headers(kept: StoredParkedRecord) -> Iterator[str]:
    fails = {
        f"ce_{kept.field}",
        "content-type" if kept.field in ("datacontenttype", "content-type") else f"ce_{kept.field}",
    }
    for name, value in kept.headers:
        said = f"{printable(name)}: {_said(value)}"
        yield f"header {_marked(said) if name.lower() in fails else said}"


def _value(kept: StoredParkedRecord) -> str:
    text = _text(kept.value)
    path = _path(kept)
    found = None if text is None or path is None else _place(text, path)
    if text is None or found is None:
        return _said(kept.value)
    start, end = found
    return printable(text[:start]) + _marked(printable(text[start:end])) + printable(text[end:])


def _place(text: str, path: Sequence[str]) -> tuple[int, int] | None:
    return place(text, path) if path else (0, len(text))


def _path(kept: StoredParkedRecord) -> Sequence[str] | None:
    """Where in the value the field must be looked for; None when it is not in there."""
    if kept.field is None:
        return None
    path = kept.field.split(".")
    if _is_structured(kept):
        return path
    return path[1:] if path[0] == "data" else None


def _is_structured(kept: StoredParkedRecord) -> bool:
    types = (value for name, value in kept.headers if name.lower() == "content-type" and value is not None)
    return next(types, b"").strip().lower().startswith(b"application/cloudevents")


def _marked(said: str) -> str:
    return f"{MARK[0]}{said}{MARK[1]}"


def _said(raw: bytes | None) -> str:
    if raw is None:
        return "none"
    text = _text(raw)
    return f"(hex) {raw.hex()}" if text is None else printable(text)


def _text(raw: bytes | None) -> str | None:
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        return None
