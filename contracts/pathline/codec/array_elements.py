"""The elements of a JSON array, apart: one that is no JSON by the strict rules leaves its neighbours be."""

from __future__ import annotations

import codecs
import json
import re
from typing import Final

_BLANK: Final = re.compile(r"[ \t\r\n]*")
# Takes NaN and half surrogate pairs, too: each element is read by the strict rules afterwards.
_LENIENT: Final = json.JSONDecoder()


def split_array(raw: bytes) -> list[bytes] | None:
    """The text of each element; None where the whole is no array."""
    text = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    position = _skip_blank(text, 0)
    if not text.startswith("[", position):
        return None
    elements: list[bytes] = []
    position = _skip_blank(text, position + 1)
    while not (text.startswith("]", position) and not elements):
        try:
            _, end = _LENIENT.raw_decode(text, position)
        except (ValueError, RecursionError):
            return None
        elements.append(text[position:end].encode("utf-8", "surrogateescape"))
        position = _skip_blank(text, end)
        if text.startswith("]", position):
            break
        if not text.startswith(",", position):
            return None
        position = _skip_blank(text, position + 1)
    return elements if _skip_blank(text, position + 1) == len(text) else None


def _skip_blank(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return position if match is None else match.end()
