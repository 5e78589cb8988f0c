"""The facts of a pathway, as one reader sees it: what is known, what is in conflict, and which steps say so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any, Final, NamedTuple

from pathline_gateway.offers.durations import date_in_zone
from pathline_gateway.offers.occurrences import EventName, OwnStep
from pathline_gateway.offers.values import FactScalar, day_text, is_same

DERIVED_PREFIXES: Final = ("need.", "decision.", "service.", "evidence.", "circumstance.")
"""Names that begin so are derived from steps, and nobody can state them."""


class FactValue(NamedTuple):
    """What one organisation's step says that a fact is worth."""

    value: FactScalar
    by: str
    proof: EventName


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact: known where all agree who say anything of it, else disputed, and then as good as unknown."""

    name: str
    values: tuple[FactValue, ...]
    """At least one, in pathway order."""
    since: date
    """From when it is so, or from when it is disputed."""
    until: date | None = None
    """The last day for which it is so, where that is known."""

    @property
    def is_known(self) -> bool:
        """Whether all agree."""
        return all(is_same(each.value, self.values[0].value) for each in self.values)

    def to_json(self) -> dict[str, Any]:
        """The fact as a pathway serves it."""
        return {
            "fact": self.name,
            "state": "known" if self.is_known else "conflict",
            "values": [{"value": each.value, "by": each.by, "proof": [event_json(each.proof)]} for each in self.values],
            "since": day_text(self.since),
            "until": day_text(self.until),
        }


class Proven(NamedTuple):
    """A derived value, the step that proves it, and the first day of which it is true."""

    value: FactScalar
    own: OwnStep
    since: date
    until: date | None = None

    def to_fact(self, name: str) -> Fact:
        """The same, by a name."""
        return Fact(name, (FactValue(self.value, self.own.step.org, self.own.name),), self.since, self.until)


def true_while_one_is(proven: Sequence[Proven]) -> Proven:
    """What several things come to: true since the first of those that are true, false since the last end."""
    holding = [each for each in proven if each.value]
    return min(holding, key=_since_and_place) if holding else max(proven, key=_since_and_place)


def _since_and_place(proven: Proven) -> tuple[date, int]:
    return proven.since, proven.own.place


def event_json(name: EventName) -> dict[str, str]:
    """An event as a proof names it."""
    return {"source": name[0], "id": name[1]}


def is_derived_name(name: str) -> bool:
    """Whether a fact of this name follows from steps alone."""
    return name.startswith(DERIVED_PREFIXES)


def step_date(own: OwnStep, zone: tzinfo) -> date:
    """The date of the step in the gateway's zone."""
    return date_in_zone(own.time, zone)


def serve_facts(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    """The facts as a pathway serves them, sorted by name."""
    return [each.to_json() for each in sorted(facts, key=lambda fact: fact.name)]


def fold_stated(own_steps: Iterable[OwnStep], today: date) -> list[Fact]:
    """What `circumstance.changed` states: of each name the statements with the latest date that has come.

    Of one organisation's statements of that date the last in pathway order counts.
    """
    in_force: dict[str, tuple[date, dict[str, FactValue]]] = {}
    for each in own_steps:
        effective, facts = each.day("effective"), each.data.get("facts")
        if each.type != "circumstance.changed" or not facts or effective is None or effective > today:
            continue
        for name, value in facts.items():
            if is_derived_name(name):
                continue
            since, by_org = in_force.get(name, (effective, {}))
            if since > effective:
                continue
            if since < effective:
                by_org = {}
            by_org.pop(each.step.org, None)  # so that the values stand in pathway order
            by_org[each.step.org] = FactValue(value, each.step.org, each.name)
            in_force[name] = (effective, by_org)
    return [Fact(name, tuple(by_org.values()), since) for name, (since, by_org) in in_force.items()]
