"""What is kept of an event's content: the bytes to serve it from, and the digest to know it by. Pure.

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
from pathline_gateway.pathways.stored_bytes import split_payload

COLUMN_ATTRIBUTES: Final = frozenset(("specversion", "id", "source", "type", "subject", "sequence"))
"""Attributes that are not kept beside the data: they have columns of their own, or are always the same."""
# What may differ between two deliveries of the same event: the path it took, not what it says.
_TRANSPORT_ATTRIBUTES: Final = frozenset(
    ("specversion", "traceparent", "tracestate", "partitionkey", "datacontenttype")
)
DIGEST_ATTRIBUTES: Final = ("type", "subject", "time", "recordedtime", "sequence", "correlationid", "causationid")
"""Attributes that a digest is over first, in this order."""
_KNOWN_ATTRIBUTES: Final = frozenset((*DIGEST_ATTRIBUTES, "id", "source")) | _TRANSPORT_ATTRIBUTES
ABSENT: Final = "\x01"
"""Stands in a digest for an attribute that was not sent; no attribute may hold it."""

_DIGIT_SHAPE: Final = bytes.maketrans(b"123456789E", b"000000000e")
_LONG_NUMBER: Final = b"0" * 300
_N, _I = b"NI"


class DigestedContent(NamedTuple):
    """What an event says, as it is kept: three attributes with columns of their own, the rest as `stored_bytes` makes
    it.
    """

    type: str
    subject: str
    sequence: str | None
    stored_bytes: bytes


def compute_digest(text: Mapping[str, str], data: bytes | None) -> bytes:
    """16 bytes over the event as it was sent, the path it took left out. `text` is every attribute as text."""
    others = {name: value for name, value in text.items() if name not in _KNOWN_ATTRIBUTES}
    return digest_attribute_texts(
        [text.get(name, ABSENT) for name in DIGEST_ATTRIBUTES],
        data,
        orjson.dumps(others, option=orjson.OPT_SORT_KEYS) if others else b"",
    )


def digest_attribute_texts(texts: Iterable[str], data: bytes | None, others: bytes = b"") -> bytes:
    """The same, given the usual attributes in their order, and what the others come to."""
    content = b"\0".join(("\0".join(texts).encode(), others, data or b"null"))
    return hashlib.blake2b(content, digest_size=16).digest()


def serialize_content(attributes: Mapping[str, Attribute], data: bytes | None) -> bytes:
    """The attributes that have no column of their own, as JSON, a line feed, and the data as sent."""
    return serialize_kept_content(
        {name: value for name, value in attributes.items() if name not in COLUMN_ATTRIBUTES}, data
    )


def serialize_kept_content(attributes: Mapping[str, Attribute], data: bytes | None) -> bytes:
    """The same, given those attributes alone."""
    return orjson.dumps(attributes) + b"\n" + (data or b"null")


def is_same_content(first: DigestedContent, second: DigestedContent) -> bool:
    """Whether two events of one identity say the same, in whatever form each came."""
    return first[:3] == second[:3] and _canonical_content(first.stored_bytes) == _canonical_content(second.stored_bytes)


def require_json(data: bytes | None) -> None:
    """Raises InvalidData unless the data is JSON by the strict rules that serving it needs.

    A validator may let through values that it does not look at: NaN or too large a number, under a repeated name.
    """
    if data and _may_have_invalid_number(data):
        try:
            orjson.loads(data)
        except orjson.JSONDecodeError:
            raise InvalidData("is not JSON", field="data") from None


def _may_have_invalid_number(data: bytes) -> bool:
    """Whether there may be a number that is none, or that no double can hold. Data has passed a JSON parser before."""
    shape = data.translate(_DIGIT_SHAPE)
    # One byte is looked for in a sixth of the time that a word takes, and hardly any data has these two.
    return (
        b"0e" in shape
        or (_N in data and b"NaN" in data)
        or (_I in data and b"Infinity" in data)
        or (len(data) > len(_LONG_NUMBER) and _LONG_NUMBER in shape)
    )


def _canonical_content(stored_bytes: bytes) -> object:
    stored = split_payload(stored_bytes)
    attributes = {
        name: attribute_text(value)
        for name, value in orjson.loads(stored.extra).items()
        if name not in _TRANSPORT_ATTRIBUTES
    }
    time = instant.parse(attributes.pop("time"))
    body = orjson.loads(stored.data_as_sent)
    # Of a coarse time the offset counts: a day begins elsewhere at another one.
    is_coarse = isinstance(body, dict) and body.get("precision") in ("day", "month")
    return (
        attributes,
        time.astimezone(UTC),
        time.utcoffset() if is_coarse else None,
        orjson.dumps(body, option=orjson.OPT_SORT_KEYS),
    )
