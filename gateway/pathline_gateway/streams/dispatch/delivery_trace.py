"""The trace of each delivery: its own, and nobody else's. Pure.

One trace id at two receivers would join a person across organisations. So nobody is told the publisher's, and every
delivery is a trace by itself. Its ids follow from subscription and number: whoever reads an event again is told the
same, and learns nothing from it. Only the gateway's own span of the delivery is linked to the publisher's.

The last quarter of a trace id is a MAC of the rest. So the gateway knows a trace again that it gave out.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from uuid import UUID

from pathline_gateway.pathways.stored_form import open_payload

_UNIQUE_LENGTH: Final = 12
_CHECK_LENGTH: Final = 4
"""Of a trace id of 16 bytes: so many tell deliveries apart, and so many tell them from traces of others."""
PUBLISHER_ATTRIBUTES: Final = ("traceparent", "tracestate")
"""What an event says of the call that published it. No receiver is told."""


class DeliveryTrace(NamedTuple):
    """The trace of one delivery, and the span that the event names as `traceparent`."""

    trace_id: int
    span_id: int
    publisher: tuple[bytes, bytes] | None = None
    """Trace and span of the call that published the event, for the gateway's own eyes; None where nothing is linked."""


class DeliveryTraceKey:
    """Makes the ids of traces, and knows those that it has made."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"delivery trace", hashlib.sha256)

    def trace(self, subscription: UUID, number: int) -> DeliveryTrace:
        """Of the delivery under this number: always the same."""
        return self._make(b"%b%d" % (subscription.bytes, number))

    def make_trace(self, entropy: bytes) -> DeliveryTrace:
        """Of what has no number, such as a canary."""
        return self._make(b"once" + entropy)

    def has_made(self, trace_id: int) -> bool:
        """Whether this is the trace of a delivery; by chance one of four thousand million others is taken for one."""
        bytes_ = trace_id.to_bytes(16)
        return hmac.compare_digest(bytes_[_UNIQUE_LENGTH:], self._check(bytes_[:_UNIQUE_LENGTH]))

    def _make(self, delivery: bytes) -> DeliveryTrace:
        # Keyed BLAKE2 takes half the time of HMAC, and each delivery needs two.
        digest = blake2b(delivery, key=self._key, digest_size=_UNIQUE_LENGTH + 8, person=b"delivery").digest()
        unique = digest[:_UNIQUE_LENGTH]
        return DeliveryTrace(int.from_bytes(unique + self._check(unique)), int.from_bytes(digest[_UNIQUE_LENGTH:]))

    def _check(self, unique: bytes) -> bytes:
        return blake2b(unique, key=self._key, digest_size=_CHECK_LENGTH, person=b"check").digest()


def traceparent(trace_id: int, span_id: int, *, is_sampled: bool) -> str:
    """The header of W3C Trace Context, version 00."""
    return f"00-{trace_id:032x}-{span_id:016x}-0{is_sampled:d}"


def publisher_trace(row: Mapping[str, Any]) -> tuple[bytes, bytes] | None:
    """Trace and span of the call that published what is stored so; None where it said nothing, and of a notice."""
    payload = row.get("payload")
    return None if payload is None else open_payload(payload).traceparent()
