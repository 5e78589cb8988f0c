"""The mandates over a person as she is told them, and the ids by which she agrees to one and ends one. Pure.

She is told of every mandate over her, whatever its event says of its own safety. Left out is only what the register
conceals: who gave it, and the services that it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

from pathline import instant
from pathline_gateway.concealment.rules import Concealment
from pathline_gateway.pathways.parsed_step import ParsedStep
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION
from pathline_gateway.visibility.authority import mandate_is_effective
from pathline_gateway.visibility.mandates import (
    Party,
    latest_mandates,
    mandate_from_step,
    mandates_in_force,
    objection_id,
)
from pathline_gateway.visibility.pairwise_ids import ReaderKey

Validity = Literal["binds", "proposal"]
"""For what it says; or for nothing, until she agrees."""


@dataclass(frozen=True, slots=True)
class OwnMandate:
    """A mandate over her, by whoever recorded it."""

    mandate_id: str
    """Its id where she gave it herself; a name of her own where an organisation recorded it."""
    parsed: ParsedStep
    """The step that gave it last."""
    services: tuple[Party, ...]
    """Those that it names and that she may be told; all services when empty."""
    is_given: bool
    """Whether neither who recorded it nor she has withdrawn it."""
    validity: Validity
    is_live: bool
    """Whether its agent may do anything by it now."""
    version: str
    """Tells apart what it says: who agrees names it, so that nobody changes in between what she agrees to."""

    @property
    def org(self) -> str:
        """Who recorded it."""
        return self.parsed.step.org

    @property
    def data(self) -> Mapping[str, Any]:
        """What its event says."""
        return self.parsed.data

    @property
    def until(self) -> datetime | None:
        """When it ends by itself."""
        until = self.data.get("until")
        return None if until is None else instant.parse(until)

    def has_same_terms(self, other: OwnMandate) -> bool:
        """Whether both let the same agent do the same."""
        own_terms, other_terms = mandate_from_step(self.parsed), mandate_from_step(other.parsed)
        is_same = (own_terms.agent, own_terms.powers, self.until) == (
            other_terms.agent,
            other_terms.powers,
            other.until,
        )
        return is_same and self.services == other.services

    def withdrawal_id(self, account: str) -> str:
        """The id under which she withdraws it: its own, or that of an objection where it is not hers to end."""
        return self.data["mandate"] if _is_own(self.parsed, account) else objection_id(self.parsed)

    def agreement_id(self, account: str) -> str | None:
        """The id of the mandate by which she agrees to this one; None to her own, which needs none."""
        return None if _is_own(self.parsed, account) else "agreed-" + objection_id(self.parsed).partition("-")[2]


def list_own_mandates(
    steps: Iterable[ParsedStep],
    account: str,
    registrars: Set[str],
    concealment: Concealment,
    key: ReaderKey,
    now: datetime,
) -> list[OwnMandate]:
    """What each mandate over her is now, the newest first, less what the register conceals."""
    steps = list(steps)
    latest = latest_mandates(steps, now)
    latest_by_key = {(each.step.org, each.data["mandate"]): each for each in latest.latest}
    live_events = {
        (each.parsed.step.source, each.parsed.step.id)
        for each in mandates_in_force(steps, now, registrars, concealment)
    }
    given_by_key = {
        (each.step.org, each.data["mandate"]): each for each in steps if each.noun_and_verb == ("mandate", "given")
    }
    listed = []
    for mandate_key, each in given_by_key.items():
        services = _visible_services(each, concealment)
        if services is None or concealment.conceals_publisher(each.step):
            continue
        is_ended = (
            mandate_key in latest_by_key and latest_by_key[mandate_key].noun_and_verb[1] == "withdrawn"
        ) or latest.is_withdrawn(mandate_from_step(each))
        listed.append(
            OwnMandate(
                _mandate_id(each, account, key),
                each,
                services,
                not is_ended,
                "binds" if mandate_is_effective(each.step.org, registrars) else "proposal",
                (each.step.source, each.step.id) in live_events,
                key.version(orjson.dumps((each.step.source, each.step.id, each.data, services))),
            )
        )
    return sorted(listed, key=lambda each: each.parsed.step.sort_key, reverse=True)


def _visible_services(parsed: ParsedStep, concealment: Concealment) -> tuple[Party, ...] | None:
    """The services that she may be told; None where all that it names, or its agent's organisation, is concealed."""
    mandate = mandate_from_step(parsed)
    services = tuple(each for each in mandate.services if not concealment.conceals_party(*each))
    is_hidden = (mandate.services and not services) or concealment.conceals_party(mandate.agent[0], None)
    return None if is_hidden else services


def _mandate_id(parsed: ParsedStep, account: str, key: ReaderKey) -> str:
    if _is_own(parsed, account):
        return str(parsed.data["mandate"])
    return key.identifier(f"{parsed.step.org} {parsed.step.subject}", parsed.data["mandate"])


def _is_own(parsed: ParsedStep, account: str) -> bool:
    return (parsed.step.org, parsed.step.subject) == (CITIZEN_ORGANISATION, account)
