"""Who may look for whom, judged at the moment of reading: the last word of each mandate on the pathway. Pure.

What counts is in the table of `authority`: the word of the person's own account, and of an organisation that is
registered to register mandates now. What anybody else says of a mandate is a proposal. An end counts at once, whether
or not it is concealed; she ends any mandate over her, an organisation its own alone.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pathline import instant
from pathline_gateway.concealment.rules import NOTHING_CONCEALED, Concealment
from pathline_gateway.pathways.parsed_step import ParsedStep
from pathline_gateway.reserved_names import CITIZENS
from pathline_gateway.visibility.authority import mandates

Party = tuple[str, str | None]
"""An organisation, or one of its services."""
Name = tuple[str, str]
"""The organisation that keeps a mandate, and the mandate's id there."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate that was given."""

    told: ParsedStep
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


@dataclass(frozen=True, slots=True)
class Words:
    """The last word of each mandate on a pathway, and what the person herself has ended."""

    last: tuple[ParsedStep, ...]
    ended: frozenset[str]
    """Ids that she has withdrawn: of her own mandates, and of words against others'."""

    def ends(self, mandate: Mandate) -> bool:
        """Whether she has ended this mandate, which somebody else gave."""
        said = mandate.told.said["mandate"]
        return mandate.told.step.org != CITIZENS and not self.ended.isdisjoint((said, against(mandate.told)))


def words(steps: Iterable[ParsedStep], now: datetime) -> Words:
    """What was said of mandates. One dated in the future does not count yet; an end does at once."""
    last: dict[Name, ParsedStep] = {}
    for told in steps:
        if told.noun == "mandate" and (told.verb[1] == "withdrawn" or told.step.time <= now):
            last[told.step.org, told.said["mandate"]] = told
    hers = (id for (org, id), told in last.items() if org == CITIZENS and told.verb[1] == "withdrawn")
    return Words(tuple(last.values()), frozenset(hers))


def holding(
    steps: Iterable[ParsedStep],
    now: datetime,
    registrars: Set[str] = frozenset(),
    concealment: Concealment = NOTHING_CONCEALED,
) -> list[Mandate]:
    """The mandates that hold now. One of which the person cannot be told, because the register conceals who gave it,
    lets nobody do anything."""
    said = words(steps, now)
    given = (mandate_of(told) for told in said.last if told.verb[1] == "given" and not _ended(told, now))
    return [
        each
        for each in given
        if mandates(each.told.step.org, registrars) and not concealment.giver(each.told.step) and not said.ends(each)
    ]


_AGAINST: Final = "against-"


def against(told: ParsedStep) -> str:
    """The id under which the person withdraws a mandate that somebody else gave: nobody's own id, and no name of
    anybody else's in what she says."""
    step = told.step
    named = "\n".join((step.org, step.subject, told.said["mandate"]))
    return _AGAINST + urlsafe_b64encode(hashlib.sha256(named.encode()).digest()[:16]).decode().rstrip("=")


def services_named(steps: Iterable[ParsedStep]) -> dict[Name, set[str]]:
    """The organisations that each mandate has named: they are shown it and its end, whoever else is not."""
    found: defaultdict[Name, set[str]] = defaultdict(set)
    for told in steps:
        if told.noun == "mandate":
            found[told.step.org, told.said["mandate"]] |= {org for org, _ in _services(told.said)}
    return found


def mandate_of(told: ParsedStep) -> Mandate:
    """What this step gives."""
    said, agent = told.said, told.said["agent"]
    return Mandate(
        told,
        (agent["org"], agent["subject"]),
        _services(said),
        tuple(said.get("powers") or ()),
    )


def _services(said: Any) -> tuple[Party, ...]:
    return tuple((party["org"], party.get("service")) for party in said.get("services") or ())


def _ended(told: ParsedStep, now: datetime) -> bool:
    until = told.said.get("until")
    return until is not None and instant.parse(until) <= now
