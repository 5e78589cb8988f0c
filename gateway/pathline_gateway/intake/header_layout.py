"""Where the attributes of an ordinary record stand among its headers: a publisher always sends the same ones. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple

from pathline_gateway.intake import content_digest

_REQUIRED: Final = ("specversion", "id", "source", "type", "subject", "time")
_ENVELOPE: Final = (*_REQUIRED, "recordedtime", "sequence", "traceparent")
_PERSONAL_NUMBER_ATTRIBUTES: Final = ("correlationid", "causationid")
"""Attributes besides the id that may hold a personal number."""
_ATTRIBUTE_BY_HEADER: Final = {
    f"ce_{name}": name for name in (*_ENVELOPE, "tracestate", *_PERSONAL_NUMBER_ATTRIBUTES)
} | {"content-type": "datacontenttype"}

Pick = Callable[[Sequence[str]], tuple[str, ...]]
"""Some of the texts of a record: those of its headers in their order, and `content.ABSENT` after the last."""


class HeaderLayout(NamedTuple):
    """What is where among the headers."""

    pick_envelope: Pick
    """specversion, id, source, type, subject, time, recordedtime, sequence, traceparent."""
    pick_digested: Pick
    """What a digest is over, in its order."""
    kept_attributes: Sequence[tuple[str, int]]
    """Names and places of those that have no column, in the order in which they are kept."""
    personal_number_indexes: Sequence[int]
    content_type_index: int | None


@lru_cache(maxsize=256)
def compute_layout(headers: tuple[str, ...]) -> HeaderLayout:
    """The layout of records with these headers.

    Raises ValueError when one is no well-known attribute, stands there twice or is missing. The cache keeps no such
    result: who sends such headers would fill the memory with them.
    """
    names = [_ATTRIBUTE_BY_HEADER.get(header, "") for header in headers]
    indexes = {name: n for n, name in enumerate(names)}
    if "" in indexes or len(indexes) < len(names) or not indexes.keys() >= set(_REQUIRED):
        raise ValueError("not the headers of an ordinary record")
    absent_index = len(names)
    content_type = indexes.pop("datacontenttype", None)
    # Kept last, wherever it stands, as whoever decodes the record closely does.
    last = [] if content_type is None else [("datacontenttype", content_type)]
    return HeaderLayout(
        itemgetter(*(indexes.get(name, absent_index) for name in _ENVELOPE)),
        itemgetter(*(indexes.get(name, absent_index) for name in content_digest.DIGEST_ATTRIBUTES)),
        [(name, n) for name, n in indexes.items() if name not in content_digest.COLUMN_ATTRIBUTES] + last,
        [indexes[name] for name in _PERSONAL_NUMBER_ATTRIBUTES if name in indexes],
        content_type,
    )
