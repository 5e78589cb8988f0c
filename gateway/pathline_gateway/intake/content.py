"""What is kept of an event's content: a digest to know it again by, and the bytes that it is served from. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from pathline.cloudevent import Attribute
from pathline.errors import InvalidData
from pathline.vocabulary import Payload

_IN_COLUMNS = frozenset(("specversion", "id", "source", "type", "subject", "sequence"))
# What may differ between two deliveries of the same event: the path it took, not what it says.
_NOT_CONTENT = frozenset(("specversion", "time", "traceparent", "tracestate", "partitionkey", "datacontenttype"))


def digest_of(text: Mapping[str, str], time: datetime, payload: Payload, data: bytes | None) -> bytes:
    """16 bytes over what the event says; equal for the binary and the structured form of the same event.

    `text` is every attribute as text. Raises InvalidData when the data is not JSON.
    """
    attributes = {name: value for name, value in text.items() if name not in _NOT_CONTENT}
    # Of a coarse time the offset counts: a day begins elsewhere at another one.
    offset = time.utcoffset() if payload.precision in ("day", "month") else None
    when = (time if time.tzinfo is UTC else time.astimezone(UTC)).isoformat(), str(offset)
    content = orjson.dumps([attributes, when, _json(data)], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(content, digest_size=16).digest()


def stored(attributes: Mapping[str, Attribute], data: bytes | None) -> bytes:
    """The attributes that have no column of their own, as JSON, a line feed, and the data as sent."""
    extra = {name: value for name, value in attributes.items() if name not in _IN_COLUMNS}
    return orjson.dumps(extra) + b"\n" + (data or b"null")


def _json(data: bytes | None) -> object:
    try:
        return orjson.loads(data or b"null")
    except orjson.JSONDecodeError:
        raise InvalidData("is not JSON", field="data") from None
