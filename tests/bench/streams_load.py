"""What is published for streams under load, who wants what of it, and what each is then to receive: the oracle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bench.events import Sent, subject

_PERSONS: Final = 1_999
"""A prime: the events that a receiver wants are about many persons, and of each come several."""
_BEGAN: Final = datetime(2026, 3, 2, 8, tzinfo=UTC)
_TYPE: Final = "org.pathline.activity.recorded.v1"


@dataclass(frozen=True, slots=True)
class Receiver:
    """One subscription, and the attribute by which it is given one event of so many."""

    protocol: str
    org: str
    attribute: str
    index: int
    """Its place among those of its protocol."""
    one_of: int
    """One event of so many is its own."""

    @property
    def filters(self) -> Sequence[Mapping[str, Any]]:
        """Exactly one value of exactly one attribute."""
        return [{"exact": {self.attribute: f"{self.attribute}-{self.index % self.one_of}"}}]

    def expected(self, events: int) -> range:
        """The numbers of the events that it is to have received of so many."""
        return range(self.index % self.one_of, events, self.one_of)


@dataclass(frozen=True, slots=True)
class Load:
    """How many receive, and how fast is published."""

    listeners: int
    sinks: int
    rate: int
    orgs: int = 1

    @property
    def activities(self) -> int:
        """Each event is for two listeners: 1,000 of them match 0.2 % each."""
        return _multiple(self.listeners // 2, self.orgs)

    @property
    def services(self) -> int:
        """Every other event is for a sink: a hundred of them are posted to half as often as is published."""
        return _multiple(self.sinks * 2, self.orgs)

    def org(self, n: int) -> str:
        """Who publishes the n-th event; and of whom the n-th receiver is, who wants only those."""
        return f"bench-agency-{n % self.orgs}"

    def receivers(self) -> Sequence[Receiver]:
        """Listeners first, then sinks."""
        heard = [Receiver("SSE", self.org(n), "activity", n, self.activities) for n in range(self.listeners)]
        return [*heard, *(Receiver("HTTP", self.org(n), "service", n, self.services) for n in range(self.sinks))]

    def event(self, n: int) -> Sent:
        """The n-th; of a negative number, one that nobody wants."""
        wanted = {"service": f"service-{n % self.services}"} if n >= 0 else {"service": "nobody"}
        activity = f"activity-{n % self.activities}" if n >= 0 else "nobody"
        time = _BEGAN + timedelta(seconds=n)
        headers = {
            "specversion": "1.0",
            "id": f"load-{n}",
            "source": f"urn:pathline:{self.org(n)}:case-system",
            "type": _TYPE,
            "subject": subject(person(n)),
            "time": time.isoformat(),
            "recordedtime": (time + timedelta(minutes=3)).isoformat(),
        }
        data = {**wanted, "activity": activity, "channel": "web", "actor": "staff", "effort": [_EFFORT]}
        return Sent(
            headers["subject"].encode(),
            [
                *((f"ce_{name}", value.encode()) for name, value in headers.items()),
                ("content-type", b"application/json"),
            ],
            json.dumps(data, separators=(",", ":")).encode(),
        )


_EFFORT: Final = {"minutes": 12, "by": "staff"}


def person(n: int) -> int:
    """Whom the n-th event is about."""
    return n % _PERSONS


def _multiple(n: int, of: int) -> int:
    """The next multiple, so that the events of one receiver are all of one organisation."""
    return max(1, -(-n // of)) * of
