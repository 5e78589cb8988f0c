"""Where a field stands in a JSON text, so that it can be marked in the text as it came. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


def find_value_span(text: str, path: Sequence[str]) -> tuple[int, int] | None:
    """Start and end of the value at this path; None where there is none, or the text is no JSON."""
    try:
        return _find_span(text, path)
    except (ValueError, RecursionError):
        return None


def _find_span(text: str, path: Sequence[str]) -> tuple[int, int] | None:
    position = _skip_space(text, 0)
    for part in path:
        child = dict(_children(text, position)).get(part)
        if child is None:
            return None
        position = child
    return position, _DECODER.raw_decode(text, position)[1]


def _children(text: str, position: int) -> Iterator[tuple[str, int]]:
    """The names, or the numbers, of what stands in an object or a list, and where each begins."""
    if text[position : position + 1] not in ("{", "["):
        return
    closing_bracket = "}" if text[position] == "{" else "]"
    position, n = _skip_space(text, position + 1), 0
    while text[position : position + 1] not in (closing_bracket, ""):
        name = str(n)
        if closing_bracket == "}":
            name, position = json.decoder.scanstring(text, position + 1)  # type: ignore[attr-defined]
            position = _skip_space(text, _skip_space(text, position) + 1)
        yield name, position
        position = _skip_space(text, _DECODER.raw_decode(text, position)[1])
        position = _skip_space(text, position + 1) if text[position : position + 1] == "," else position
        n += 1


def _skip_space(text: str, position: int) -> int:
    while text[position : position + 1] and text[position] in _SPACE:
        position += 1
    return position
