"""A flat record of any source: texts by column, and the line where it begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pathline.errors import Malformed, Refused

_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Record:
    """One row, line or event, as text; a column that is absent or null is not in `fields`, or blank."""

    line: int
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that could not be read; its neighbours could."""

    line: int
    refusal: Refused


Records = Iterator[Record | Unreadable]


def build_record(line: int, names: Iterable[str], values: Iterable[str]) -> Record | Unreadable:
    """The record, unless a value holds bytes that the encoding could not read (kept as lone surrogates)."""
    fields = dict(zip(names, values, strict=True))
    text = "".join(fields.values())
    if not text.isascii() and _SURROGATES.search(text):
        return Unreadable(line, Malformed("holds bytes that are no text in this encoding; name it with --encoding"))
    return Record(line, fields)
