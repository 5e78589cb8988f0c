"""Who may look for whom, judged at the moment of reading: the last word of each mandate on the pathway. Pure.

The table of `authority` says whose word counts: the person's own account, and organisations that may register mandates
now. What anybody else says of a mandate is a proposal. An end counts at once, whether or not it is concealed; she ends
any mandate over her, an organisation its own alone.
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
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION
from pathline_gateway.visibility.authority import mandate_is_effective

Party = tuple[str, str | None]
"""An organisation, or one of its services."""
MandateKey = tuple[str, str]
"""The organisation that keeps a mandate, and the mandate's id there."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate that was given."""

    parsed: ParsedStep
    """The step that gave it."""
    agent: tuple[str, str]
    services: tuple[Party, ...]
    """All when empty."""
    powers: tuple[str, ...]

    @property
    def holder_ref(self) -> tuple[str, str]:
        """The organisation and subject that it stands under."""
        return self.parsed.step.org, self.parsed.step.subject

    @property
    def qualified_id(self) -> str:
        """The organisation that keeps it, a colon, and its id there."""
        return f"{self.parsed.step.org}:{self.parsed.data['mandate']}"

    def allows_reading(self, account: str) -> bool:
        """Whether the person of this account may look by it."""
        return self.agent == (CITIZEN_ORGANISATION, account) and "see" in self.powers

    def covers(self, org: str, service: str | None) -> bool:
        """Whether it is for this service."""
        return not self.services or any(o == org and s in (None, service) for o, s in self.services)


@dataclass(frozen=True, slots=True)
class LatestMandates:
    """The last word of each mandate on a pathway, and what the person herself has ended."""

    latest: tuple[ParsedStep, ...]
    withdrawn_ids: frozenset[str]
    """Ids that she has withdrawn: of her own mandates, and of words against others'."""

    def is_withdrawn(self, mandate: Mandate) -> bool:
        """Whether she has ended this mandate, which somebody else gave."""
        mandate_id = mandate.parsed.data["mandate"]
        return mandate.parsed.step.org != CITIZEN_ORGANISATION and not self.withdrawn_ids.isdisjoint(
            (mandate_id, objection_id(mandate.parsed))
        )


def latest_mandates(steps: Iterable[ParsedStep], now: datetime) -> LatestMandates:
    """The latest step of each mandate. One dated in the future does not count yet; an end does at once."""
    latest: dict[MandateKey, ParsedStep] = {}
    for parsed in steps:
        if parsed.noun == "mandate" and (parsed.noun_and_verb[1] == "withdrawn" or parsed.step.time <= now):
            latest[parsed.step.org, parsed.data["mandate"]] = parsed
    withdrawn_ids = (
        id
        for (org, id), parsed in latest.items()
        if org == CITIZEN_ORGANISATION and parsed.noun_and_verb[1] == "withdrawn"
    )
    return LatestMandates(tuple(latest.values()), frozenset(withdrawn_ids))


def mandates_in_force(
    steps: Iterable[ParsedStep],
    now: datetime,
    registrars: Set[str] = frozenset(),
    concealment: Concealment = NOTHING_CONCEALED,
) -> list[Mandate]:
    """The mandates that hold now. One of which the person cannot be told, because the register conceals who gave it,
    lets nobody do anything."""
    latest = latest_mandates(steps, now)
    candidates = (
        mandate_from_step(told)
        for told in latest.latest
        if told.noun_and_verb[1] == "given" and not _is_expired(told, now)
    )
    return [
        each
        for each in candidates
        if mandate_is_effective(each.parsed.step.org, registrars)
        and not concealment.conceals_publisher(each.parsed.step)
        and not latest.is_withdrawn(each)
    ]


_OBJECTION_PREFIX: Final = "against-"


def objection_id(parsed: ParsedStep) -> str:
    """The id under which the person withdraws a mandate that somebody else gave. It is no id of anybody's own, and
    repeats no name of others."""
    step = parsed.step
    message = "\n".join((step.org, step.subject, parsed.data["mandate"]))
    return _OBJECTION_PREFIX + urlsafe_b64encode(hashlib.sha256(message.encode()).digest()[:16]).decode().rstrip("=")


def orgs_by_mandate(steps: Iterable[ParsedStep]) -> dict[MandateKey, set[str]]:
    """The organisations that each mandate has named: they are shown it and its end, whoever else is not."""
    orgs: defaultdict[MandateKey, set[str]] = defaultdict(set)
    for parsed in steps:
        if parsed.noun == "mandate":
            orgs[parsed.step.org, parsed.data["mandate"]] |= {org for org, _ in _parse_services(parsed.data)}
    return orgs


def mandate_from_step(parsed: ParsedStep) -> Mandate:
    """What this step gives."""
    data, agent = parsed.data, parsed.data["agent"]
    return Mandate(
        parsed,
        (agent["org"], agent["subject"]),
        _parse_services(data),
        tuple(data.get("powers") or ()),
    )


def _parse_services(data: Any) -> tuple[Party, ...]:
    return tuple((party["org"], party.get("service")) for party in data.get("services") or ())


def _is_expired(parsed: ParsedStep, now: datetime) -> bool:
    until = parsed.data.get("until")
    return until is not None and instant.parse(until) <= now
