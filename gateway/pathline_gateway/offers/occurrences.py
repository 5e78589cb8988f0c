"""Which steps say something of the person herself, and as what: occurrences, and declared completeness. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from pathline_gateway.offers.values import parse_day
from pathline_gateway.pathways.parsed_step import ParsedStep
from pathline_gateway.pathways.step import Step, interval_end

CIRCUMSTANCE_CHANGED: Final = "circumstance.changed"
"""The one type of which a pathway can be complete."""

EventName = tuple[str, str]
"""Source and id, as the reader is told them."""


class OwnStep(NamedTuple):
    """A step that is about the person herself, and has happened."""

    step: Step
    data: Mapping[str, Any]
    type: str
    """Noun and verb, such as `need.met`."""
    place: int
    """Among the steps of the pathway, in its order."""

    @property
    def name(self) -> EventName:
        """By what it is told."""
        return self.step.source, self.step.id

    @property
    def time(self) -> datetime:
        """When it happened; of a day or a month, its first instant."""
        return self.step.time

    @property
    def end(self) -> datetime:
        """Until when it may have happened."""
        return interval_end(self.step.time, self.data.get("precision"))

    def day(self, field: str) -> date | None:
        """The date in this field; None where there is none."""
        return parse_day(self.data.get(field))


@dataclass(frozen=True, slots=True)
class Declaration:
    """A step says that nothing of a kind is missing in these days."""

    step: OwnStep
    kind: str
    first: date
    last: date

    def covers(self, first: date, last: date) -> bool:
        """Whether all of these days are among its own."""
        return self.first <= first and last <= self.last


def select_own_steps(steps: Iterable[ParsedStep], now: datetime) -> list[OwnStep]:
    """Those that state something of her: none that is later than now, none on behalf of somebody else."""
    return [
        OwnStep(each.step, each.data, ".".join(each.noun_and_verb), place)
        for place, each in enumerate(steps)
        if each.step.time <= now and not each.data.get("on_behalf")
    ]


def is_declaration(own: OwnStep) -> bool:
    """Whether the step says what is complete: then it is no change itself."""
    return own.type == CIRCUMSTANCE_CHANGED and bool(own.data.get("complete"))


def declarations_of(own_steps: Iterable[OwnStep]) -> list[Declaration]:
    """What is declared complete, in pathway order."""
    declarations = []
    for each in own_steps:
        if not is_declaration(each):
            continue
        window = each.data["complete"]
        first, last = parse_day(window.get("from")), parse_day(window.get("until"))
        if first is not None and last is not None:
            declarations.append(Declaration(each, each.data["kind"], first, last))
    return declarations
