"""Where a field stands in a JSON text, so that it can be marked in the text as it came. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


def place(text: str, path: Sequence[str]) -> tuple[int, int] | None:
    """Start and end of the value at this path; None where there is none, or the text is no JSON."""
    try:
        return _place(text, path)
    except (ValueError, RecursionError):
        return None


def _place(text: str, path: Sequence[str]) -> tuple[int, int] | None:
    at = _skip(text, 0)
    for part in path:
        found = dict(_children(text, at)).get(part)
        if found is None:
            return None
        at = found
    return at, _DECODER.raw_decode(text, at)[1]


def _children(text: str, at: int) -> Iterator[tuple[str, int]]:
    """The names, or the numbers, of what stands in an object or a list, and where each begins."""
    if text[at : at + 1] not in ("{", "["):
        return
    closing = "}" if text[at] == "{" else "]"
    at, n = _skip(text, at + 1), 0
    while text[at : at + 1] not in (closing, ""):
        name = str(n)
        if closing == "}":
            name, at = json.decoder.scanstring(text, at + 1)  # type: ignore[attr-defined]
            at = _skip(text, _skip(text, at) + 1)
        yield name, at
        at = _skip(text, _DECODER.raw_decode(text, at)[1])
        at = _skip(text, at + 1) if text[at : at + 1] == "," else at
        n += 1


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _SPACE:
        at += 1
    return at
