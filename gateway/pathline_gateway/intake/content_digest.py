"""What is kept of an event's content: the bytes that it is served from, and how it is known again. Pure.

Nearly every repeat is the same bytes again, so a digest of those tells it. Where the digests differ, the two contents
are compared: the same event may come in another form, with its data written otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Final, NamedTuple

import orjson

from pathline import instant
from pathline.cloudevent import Attribute, attribute_text
from pathline.errors import InvalidData

IN_COLUMNS: Final = frozenset(("specversion", "id", "source", "type", "subject", "sequence"))
"""Attributes that are not kept beside the data: they have columns of their own, or are always the same."""
# What may differ between two deliveries of the same event: the path it took, not what it says.
_PATH: Final = frozenset(("specversion", "traceparent", "tracestate", "partitionkey", "datacontenttype"))
USUAL: Final = ("type", "subject", "time", "recordedtime", "sequence", "correlationid", "causationid")
"""Attributes that a digest is over first, in this order."""
_NAMED: Final = frozenset((*USUAL, "id", "source")) | _PATH
ABSENT: Final = "\x01"
"""Stands in a digest for an attribute that was not sent; no attribute may hold it."""

_SHAPE: Final = bytes.maketrans(b"123456789E", b"000000000e")
_LONG: Final = b"0" * 300
_N, _I = b"NI"


class DigestedContent(NamedTuple):
    """What an event says, as it is kept: three attributes with columns of their own, the rest as `stored` makes it."""

    type: str
    subject: str
    sequence: str | None
    stored: bytes


def digest_of(text: Mapping[str, str], data: bytes | None) -> bytes:
    """16 bytes over the event as it was sent, the path it took left out. `text` is every attribute as text."""
    others = {name: value for name, value in text.items() if name not in _NAMED}
    return usual_digest_of(
        [text.get(name, ABSENT) for name in USUAL],
        data,
        orjson.dumps(others, option=orjson.OPT_SORT_KEYS) if others else b"",
    )


def usual_digest_of(usual: Iterable[str], data: bytes | None, others: bytes = b"") -> bytes:
    """The same, given the usual attributes in their order, and what the others come to."""
    said = b"\0".join(("\0".join(usual).encode(), others, data or b"null"))
    return hashlib.blake2b(said, digest_size=16).digest()


def stored(attributes: Mapping[str, Attribute], data: bytes | None) -> bytes:
    """The attributes that have no column of their own, as JSON, a line feed, and the data as sent."""
    return stored_so({name: value for name, value in attributes.items() if name not in IN_COLUMNS}, data)


def stored_so(kept: Mapping[str, Attribute], data: bytes | None) -> bytes:
    """The same, given those attributes alone."""
    return orjson.dumps(kept) + b"\n" + (data or b"null")


def same(one: DigestedContent, other: DigestedContent) -> bool:
    """Whether two events of one identity say the same, in whatever form each came."""
    return one[:3] == other[:3] and _said(one.stored) == _said(other.stored)


def require_json(data: bytes | None) -> None:
    """Raises InvalidData unless the data is JSON by the strict rules that serving it needs.

    A validator may let through what it does not look at: a number too large, or NaN, under a name that is repeated.
    """
    if data and _is_doubtful(data):
        try:
            orjson.loads(data)
        except orjson.JSONDecodeError:
            raise InvalidData("is not JSON", field="data") from None


def _is_doubtful(data: bytes) -> bool:
    """Whether there may be a number that is none, or that no double can hold. Data has passed a JSON parser before."""
    shape = data.translate(_SHAPE)
    # One byte is looked for in a sixth of the time that a word takes, and hardly any data has these two.
    return (
        b"0e" in shape
        or (_N in data and b"NaN" in data)
        or (_I in data and b"Infinity" in data)
        or (len(data) > len(_LONG) and _LONG in shape)
    )


def _said(stored: bytes) -> object:
    head, _, data = stored.partition(b"\n")
    attributes = {name: attribute_text(value) for name, value in orjson.loads(head).items() if name not in _PATH}
    time = instant.parse(attributes.pop("time"))
    said = orjson.loads(data)
    # Of a coarse time the offset counts: a day begins elsewhere at another one.
    coarse = isinstance(said, dict) and said.get("precision") in ("day", "month")
    return (
        attributes,
        time.astimezone(UTC),
        time.utcoffset() if coarse else None,
        orjson.dumps(said, option=orjson.OPT_SORT_KEYS),
    )
