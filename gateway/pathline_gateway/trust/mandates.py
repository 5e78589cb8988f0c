"""Who may look for whom, judged at the moment of reading: the last word of each mandate on the pathway. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pathline import instant
from pathline_gateway.identity.rights import CITIZENS
from pathline_gateway.trust.told import Told

Party = tuple[str, str | None]
"""An organisation, or one of its services."""
Name = tuple[str, str]
"""The organisation that keeps a mandate, and the mandate's id there."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate that holds."""

    told: Told
    """The step that gave it."""
    agent: tuple[str, str]
    services: tuple[Party, ...]
    """All when empty."""
    powers: tuple[str, ...]

    @property
    def ref(self) -> tuple[str, str]:
        """The organisation and subject that it stands under."""
        return self.told.step.org, self.told.step.subject

    @property
    def name(self) -> str:
        """The organisation that keeps it, a colon, and its id there."""
        return f"{self.told.step.org}:{self.told.said['mandate']}"

    def lets_see(self, account: str) -> bool:
        """Whether the person of this account may look by it."""
        return self.agent == (CITIZENS, account) and "see" in self.powers

    def covers(self, org: str, service: str | None) -> bool:
        """Whether it is for this service."""
        return not self.services or any(o == org and s in (None, service) for o, s in self.services)


def holding(steps: Iterable[Told], now: datetime) -> list[Mandate]:
    """The mandates that hold now. One dated in the future does not yet; an end is one at once."""
    last: dict[Name, Told] = {}
    for told in steps:
        if told.noun == "mandate" and (told.verb[1] == "withdrawn" or told.step.time <= now):
            last[told.step.org, told.said["mandate"]] = told
    return [_mandate(told) for told in last.values() if told.verb[1] == "given" and not _ended(told, now)]


def services_named(steps: Iterable[Told]) -> dict[Name, set[str]]:
    """The organisations that each mandate has named: they are shown it and its end, whoever else is not."""
    found: defaultdict[Name, set[str]] = defaultdict(set)
    for told in steps:
        if told.noun == "mandate":
            found[told.step.org, told.said["mandate"]] |= {org for org, _ in _services(told.said)}
    return found


def _mandate(told: Told) -> Mandate:
    said, agent = told.said, told.said["agent"]
    return Mandate(
        told,
        (agent["org"], agent["subject"]),
        _services(said),
        tuple(said.get("powers") or ()),
    )


def _services(said: Any) -> tuple[Party, ...]:
    return tuple((party["org"], party.get("service")) for party in said.get("services") or ())


def _ended(told: Told, now: datetime) -> bool:
    until = told.said.get("until")
    return until is not None and instant.parse(until) <= now
