"""One event about a hand-off, as its state is computed from it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from pathline_gateway.pathways.step import Step, interval_end

_TYPE_PREFIX: Final = "org.pathline.handoff."

SortKey = tuple[datetime, str, bool, str, str]
"""A place on a pathway."""


class HandoffEvent(NamedTuple):
    """A step of a hand-off. `token` is a hash: of the secret that is asked for, or of the one that was shown."""

    verb: str
    source: str
    id: str
    org: str
    subject: str
    sort_key: SortKey
    end: datetime
    """When its interval has ended: later than its time where that is known to the day or month only."""
    receiver: str | None
    token: bytes | None
    handoff: str | None = None
    """The hand-off that it belongs to, as its publisher says now."""
    data: Mapping[str, Any] = MappingProxyType({})
    """Its data."""

    @property
    def time(self) -> datetime:
        """Its first instant."""
        return self.sort_key[0]

    @property
    def is_interval(self) -> bool:
        """Whether its time is an interval."""
        return self.end > self.time


class HandoffStep(NamedTuple):
    """A step of a hand-off, with what it says of it."""

    step: Step
    event: HandoffEvent


def handoff_event_from_step(step: Step) -> HandoffEvent | None:
    """The step as what it says of a hand-off; None when it is of another noun."""
    if not step.type.startswith(_TYPE_PREFIX):
        return None
    verb = step.type.removeprefix(_TYPE_PREFIX).rpartition(".v")[0]
    data = orjson.loads(step.data)
    receiver = data.get("to") or {}
    return HandoffEvent(
        verb,
        step.source,
        step.id,
        step.org,
        step.subject,
        step.sort_key,
        interval_end(step.time, data.get("precision")),
        receiver.get("org"),
        _token_hash(data),
        data.get("handoff"),
        data,
    )


def _token_hash(data: Mapping[str, Any]) -> bytes | None:
    if secret := data.get("token"):
        return hashlib.sha256(secret.encode()).digest()
    hex_digest = data.get("token_sha256")
    return None if hex_digest is None else bytes.fromhex(hex_digest)
