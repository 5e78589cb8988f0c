"""One event about a hand-off, as its state is computed from it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from pathline_gateway.pathways.step import Step, interval_end

_PREFIX: Final = "org.pathline.handoff."

Order = tuple[datetime, str, bool, str, str]
"""A place on a pathway."""


class HandoffEvent(NamedTuple):
    """A step of a hand-off. `token` is a hash: of the secret that is asked for, or of the one that was shown."""

    verb: str
    source: str
    id: str
    org: str
    subject: str
    order: Order
    end: datetime
    """When its interval has ended: later than its time where that is known to the day or month only."""
    to: str | None
    token: bytes | None
    handoff: str | None = None
    """The hand-off that it belongs to, as its publisher says now."""
    said: Mapping[str, Any] = MappingProxyType({})
    """Its data."""

    @property
    def time(self) -> datetime:
        """Its first instant."""
        return self.order[0]

    @property
    def coarse(self) -> bool:
        """Whether its time is an interval."""
        return self.end > self.time


def handoff_event(step: Step) -> HandoffEvent | None:
    """The step as what it says of a hand-off; None when it is of another noun."""
    if not step.type.startswith(_PREFIX):
        return None
    verb = step.type.removeprefix(_PREFIX).rpartition(".v")[0]
    data = orjson.loads(step.data)
    to = data.get("to") or {}
    return HandoffEvent(
        verb,
        step.source,
        step.id,
        step.org,
        step.subject,
        step.order,
        interval_end(step.time, data.get("precision")),
        to.get("org"),
        _token(data),
        data.get("handoff"),
        data,
    )


def _token(data: Mapping[str, Any]) -> bytes | None:
    if shown := data.get("token"):
        return hashlib.sha256(shown.encode()).digest()
    asked = data.get("token_sha256")
    return None if asked is None else bytes.fromhex(asked)
