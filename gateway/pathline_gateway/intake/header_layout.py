"""Where the attributes of an ordinary record stand among its headers: a publisher always sends the same ones. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple

from pathline_gateway.intake import content_digest

_REQUIRED: Final = ("specversion", "id", "source", "type", "subject", "time")
_READ: Final = (*_REQUIRED, "recordedtime", "sequence", "traceparent")
_NAME_SOMEBODY: Final = ("correlationid", "causationid")
"""Attributes besides the id that may hold a personal number."""
_NAMES: Final = {f"ce_{name}": name for name in (*_READ, "tracestate", *_NAME_SOMEBODY)} | {
    "content-type": "datacontenttype"
}

Pick = Callable[[Sequence[str]], tuple[str, ...]]
"""Some of the texts of a record: those of its headers in their order, and `content.ABSENT` after the last."""


class Layout(NamedTuple):
    """What is where among the headers."""

    read: Pick
    """specversion, id, source, type, subject, time, recordedtime, sequence, traceparent."""
    digested: Pick
    """What a digest is over, in its order."""
    kept: Sequence[tuple[str, int]]
    """Names and places of those that have no column, in the order in which they are kept."""
    may_name_somebody: Sequence[int]
    content_type: int | None


@lru_cache(maxsize=256)
def layout(headers: tuple[str, ...]) -> Layout:
    """The layout of records with these headers.

    Raises ValueError when one is no well-known attribute, stands there twice or is missing; that is not remembered: who
    sends such headers would fill the memory with them.
    """
    names = [_NAMES.get(header, "") for header in headers]
    places = {name: n for n, name in enumerate(names)}
    if "" in places or len(places) < len(names) or not places.keys() >= set(_REQUIRED):
        raise ValueError("not the headers of an ordinary record")
    absent = len(names)
    content_type = places.pop("datacontenttype", None)
    # Kept last, wherever it stands, as whoever decodes the record closely does.
    last = [] if content_type is None else [("datacontenttype", content_type)]
    return Layout(
        itemgetter(*(places.get(name, absent) for name in _READ)),
        itemgetter(*(places.get(name, absent) for name in content_digest.USUAL)),
        [(name, n) for name, n in places.items() if name not in content_digest.IN_COLUMNS] + last,
        [places[name] for name in _NAME_SOMEBODY if name in places],
        content_type,
    )
