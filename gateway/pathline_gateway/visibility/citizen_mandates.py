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
from pathline_gateway.reserved_names import CITIZENS
from pathline_gateway.visibility.authority import mandates
from pathline_gateway.visibility.mandates import Party, against, holding, mandate_of, words
from pathline_gateway.visibility.pairwise_ids import ReaderKey

Counts = Literal["binds", "proposal"]
"""For what it says; or for nothing, until she agrees."""


@dataclass(frozen=True, slots=True)
class OwnMandate:
    """A mandate over her, by whoever recorded it."""

    name: str
    """Its id where she gave it herself; a name of her own where an organisation recorded it."""
    told: ParsedStep
    """The step that gave it last."""
    services: tuple[Party, ...]
    """Those that it names and that she may be told; all services when empty."""
    given: bool
    """Whether neither who recorded it nor she has withdrawn it."""
    counts: Counts
    live: bool
    """Whether its agent may do anything by it now."""
    version: str
    """Tells apart what it says: who agrees names it, so that nobody changes in between what she agrees to."""

    @property
    def org(self) -> str:
        """Who recorded it."""
        return self.told.step.org

    @property
    def said(self) -> Mapping[str, Any]:
        """What its event says."""
        return self.told.said

    @property
    def until(self) -> datetime | None:
        """When it ends by itself."""
        until = self.said.get("until")
        return None if until is None else instant.parse(until)

    def says_the_same(self, other: OwnMandate) -> bool:
        """Whether both let the same agent do the same."""
        mine, theirs = mandate_of(self.told), mandate_of(other.told)
        same = (mine.agent, mine.powers, self.until) == (theirs.agent, theirs.powers, other.until)
        return same and self.services == other.services

    def withdrawal(self, account: str) -> str:
        """The id under which she withdraws it: its own, or that of a word against it, because it is not hers to end."""
        return self.said["mandate"] if _hers(self.told, account) else against(self.told)

    def agreement(self, account: str) -> str | None:
        """The id of the mandate by which she agrees to this one; None to her own, which needs none."""
        return None if _hers(self.told, account) else "agreed-" + against(self.told).partition("-")[2]


def own_mandates(
    steps: Iterable[ParsedStep],
    account: str,
    registrars: Set[str],
    concealment: Concealment,
    key: ReaderKey,
    now: datetime,
) -> list[OwnMandate]:
    """What each mandate over her is now, the newest first, less what the register conceals."""
    steps = list(steps)
    said = words(steps, now)
    last = {(each.step.org, each.said["mandate"]): each for each in said.last}
    live = {(each.told.step.source, each.told.step.id) for each in holding(steps, now, registrars, concealment)}
    given = {(each.step.org, each.said["mandate"]): each for each in steps if each.verb == ("mandate", "given")}
    found = []
    for of, each in given.items():
        services = _services(each, concealment)
        if services is None or concealment.giver(each.step):
            continue
        ended = (of in last and last[of].verb[1] == "withdrawn") or said.ends(mandate_of(each))
        found.append(
            OwnMandate(
                _name(each, account, key),
                each,
                services,
                not ended,
                "binds" if mandates(each.step.org, registrars) else "proposal",
                (each.step.source, each.step.id) in live,
                key.version(orjson.dumps((each.step.source, each.step.id, each.said, services))),
            )
        )
    return sorted(found, key=lambda each: each.told.step.order, reverse=True)


def _services(told: ParsedStep, concealment: Concealment) -> tuple[Party, ...] | None:
    """The services that she may be told; None where all that it names, or its agent's organisation, is concealed."""
    mandate = mandate_of(told)
    services = tuple(each for each in mandate.services if not concealment.party(*each))
    hidden = (mandate.services and not services) or concealment.party(mandate.agent[0], None)
    return None if hidden else services


def _name(told: ParsedStep, account: str, key: ReaderKey) -> str:
    if _hers(told, account):
        return str(told.said["mandate"])
    return key.identifier(f"{told.step.org} {told.step.subject}", told.said["mandate"])


def _hers(told: ParsedStep, account: str) -> bool:
    return (told.step.org, told.step.subject) == (CITIZENS, account)
