"""What one reader knows of one person at one instant: made once a pull, then asked by every offer. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from pathline import instant
from pathline_gateway.offers.derived_facts import fold_derived
from pathline_gateway.offers.durations import date_in_zone, reach_back
from pathline_gateway.offers.facts import Fact, fold_stated
from pathline_gateway.offers.occurrences import (
    Declaration,
    OwnStep,
    declarations_of,
    is_declaration,
    select_own_steps,
)
from pathline_gateway.offers.values import Truth
from pathline_gateway.pathways.parsed_step import ParsedStep

if TYPE_CHECKING:
    from pathline_gateway.offers.leaves import Leaf


class LookBack(NamedTuple):
    """The instants after `start`, or all, up to now."""

    start: datetime | None
    first_date: date
    """The date of the first of them."""


@dataclass(slots=True)
class Knowledge:
    """Facts and occurrences, and the truth of each leaf that was asked for."""

    now: datetime
    zone: tzinfo
    today: date
    facts: Mapping[str, Fact]
    occurrences: Mapping[str, Sequence[OwnStep]]
    """By noun and verb, in pathway order; declarations are none."""
    declarations: Mapping[str, Sequence[Declaration]]
    """By kind of circumstance, in pathway order."""
    _truths: dict[bytes, Truth] = field(default_factory=dict)
    _explanations: dict[bytes, Mapping[str, Any]] = field(default_factory=dict)
    _look_backs: dict[str | None, LookBack] = field(default_factory=dict)

    def truth_of(self, leaf: Leaf) -> Truth:
        """Whether the leaf is true of her; each is judged once, however many offers ask for it."""
        try:
            return self._truths[leaf.key]
        except KeyError:
            truth = self._truths[leaf.key] = leaf.judge(self)
            return truth

    def explanation_of(self, leaf: Leaf) -> Mapping[str, Any]:
        """What the leaf's truth rests on, as served; of a leaf that is true or false."""
        explanation = self._explanations.get(leaf.key)
        if explanation is None:
            explanation = self._explanations[leaf.key] = leaf.explain(self)
        return explanation

    def look_back(self, within: str | None) -> LookBack:
        """How far back from now this duration reaches; without one to the beginning of time."""
        known = self._look_backs.get(within)
        if known is None:
            start = None if within is None else reach_back(self.now, within, self.zone)
            first_date = (
                date.min if start is None else date_in_zone(instant.add(start, timedelta(microseconds=1)), self.zone)
            )
            known = self._look_backs[within] = LookBack(start, first_date)
        return known

    def occurrences_in(self, type: str, window: LookBack) -> Sequence[OwnStep]:
        """The steps of this type in this window, in pathway order; a day or a month counts by its first instant."""
        return self.occurrences.get(type, ())[self._place_of(type, window) :]

    def occurrences_into(self, type: str, window: LookBack) -> list[OwnStep]:
        """The days and months of this type that began before the window, and of which a part lies in it."""
        start = window.start
        before = self.occurrences.get(type, ())[: self._place_of(type, window)]
        return [own for own in before if start is not None and own.end > start]

    def _place_of(self, type: str, window: LookBack) -> int:
        steps = self.occurrences.get(type, ())
        return 0 if window.start is None else bisect_right(steps, window.start, key=lambda own: own.time)

    def declaration_for(self, kind: str | None, window: LookBack) -> Declaration | None:
        """The first step by which nothing of this kind is missing on any date of the window."""
        if kind is None:
            return None
        declared = self.declarations.get(kind, ())
        return next((each for each in declared if each.covers(window.first_date, self.today)), None)


def build_knowledge(steps: Iterable[ParsedStep], now: datetime, zone: tzinfo) -> Knowledge:
    """What these steps, in pathway order and as the reader is shown them, say now.

    `zone` is the gateway's: by its calendar dates come and pass.
    """
    own_steps = select_own_steps(steps, now)
    today = date_in_zone(now, zone)
    occurrences: defaultdict[str, list[OwnStep]] = defaultdict(list)
    for own in own_steps:
        if not is_declaration(own):
            occurrences[own.type].append(own)
    declarations: defaultdict[str, list[Declaration]] = defaultdict(list)
    for each in declarations_of(own_steps):
        declarations[each.kind].append(each)
    facts = {fact.name: fact for fact in (*fold_stated(own_steps, today), *fold_derived(own_steps, today, zone))}
    return Knowledge(now, zone, today, facts, occurrences, declarations)
