"""The record of an event that is told on a topic: the Kafka binding of CloudEvents 1.0.2, in binary mode. Pure.

The key is what the reader calls the pathway, so that a pathway's events stay in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

OVERSIZED: Final = "oversized"
"""The attribute of an event that came thin because the topic takes no record of its size."""
_RECORD_OVERHEAD: Final = 64
"""Bytes of a record besides keys, values and headers: lengths, and the deltas of offset and time."""
_HEADER_OVERHEAD: Final = 6
BATCH_OVERHEAD: Final = 128
"""Bytes of a batch besides its records; more than it has."""


class OutRecord(NamedTuple):
    """What is written of one delivery."""

    number: int
    """The running number; 0 of a canary, which has none."""
    key: bytes | None
    """None where the reader has no name for the pathway."""
    value: bytes
    """Empty, never absent: to Kafka a record without a value is a tombstone."""
    headers: list[tuple[str, bytes]]

    @property
    def size(self) -> int:
        """Bytes of the record within a batch, or a few more."""
        headers = sum(len(name) + len(text) + _HEADER_OVERHEAD for name, text in self.headers)
        return len(self.key or b"") + len(self.value) + headers + _RECORD_OVERHEAD

    def traced(self, traceparent: str) -> OutRecord:
        """With the trace context of the delivery, which is not that of whoever published."""
        return self._replace(headers=[*self.headers, ("traceparent", traceparent.encode())])


def build_record(event: Mapping[str, Any]) -> OutRecord:
    """The record of a CloudEvent."""
    attributes = dict(event)
    has_data, data = "data" in attributes, attributes.pop("data", None)
    content_type = attributes.pop("datacontenttype", None)
    headers = [(f"ce_{name}", _to_text(value)) for name, value in attributes.items()]
    if content_type is not None and has_data:
        headers.append(("content-type", content_type.encode()))
    pathway = attributes.get("pathway")
    key = None if pathway is None else pathway.encode()
    return OutRecord(attributes.get("number", 0), key, orjson.dumps(data) if has_data else b"", headers)


def _to_text(value: Any) -> bytes:
    """An attribute as the type system of CloudEvents writes it."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode()
