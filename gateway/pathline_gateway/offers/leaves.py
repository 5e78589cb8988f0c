"""The leaves of an eligibility, compiled: what each asks, whether it is true of a person, and what proves it. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, NamedTuple

import orjson

from pathline_gateway.offers.facts import Fact, event_json, step_date
from pathline_gateway.offers.knowledge import Knowledge
from pathline_gateway.offers.occurrences import CIRCUMSTANCE_CHANGED, Declaration, OwnStep
from pathline_gateway.offers.step_match import StepMatch
from pathline_gateway.offers.values import (
    FactScalar,
    Truth,
    any_of,
    compare,
    compare_numbers,
    day_text,
    parse_day,
    whole_years,
)

MAX_PROOF_STEPS: Final = 20
"""Steps that prove an occurrence or a count; their number is told beside them."""


class LeafTarget(NamedTuple):
    """What a leaf asks about; an answer to it is counted once, however many leaves it settles."""

    kind: Literal["fact", "type"]
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Leaf(ABC):
    """One question of a rule."""

    written: Mapping[str, Any]
    """The JSON as published."""
    key: bytes
    """Equal for leaves that are the same JSON."""

    @property
    @abstractmethod
    def target(self) -> LeafTarget:
        """The fact or the type of step that it asks for."""

    @abstractmethod
    def judge(self, known: Knowledge) -> Truth:
        """Whether it is true of her."""

    @abstractmethod
    def explain(self, known: Knowledge) -> dict[str, Any]:
        """What there is, since when, by whom and by which steps; of a leaf that is true or false."""


@dataclass(frozen=True, slots=True, eq=False)
class FactLeaf(Leaf, ABC):
    """A leaf that asks for a fact."""

    fact: str

    @property
    def target(self) -> LeafTarget:
        """The fact."""
        return LeafTarget("fact", self.fact)

    @abstractmethod
    def judge_value(self, value: FactScalar, today: date) -> Truth:
        """Whether it is true where the fact is worth this."""

    def judge(self, known: Knowledge) -> Truth:
        """Unknown where the fact is absent or disputed."""
        fact = known.facts.get(self.fact)
        return self.judge_value(fact.values[0].value, known.today) if fact is not None and fact.is_known else None

    def explain(self, known: Knowledge) -> dict[str, Any]:
        """All statements that agree prove it, or the one step of a derived fact."""
        fact = known.facts[self.fact]
        return {
            "is": self._found(fact, known.today),
            "since": day_text(fact.since),
            "by": _organisations([each.by for each in fact.values]),
            "proof": [event_json(each.proof) for each in fact.values],
        }

    def _found(self, fact: Fact, today: date) -> Any:
        if fact.is_known:
            return fact.values[0].value
        return [value for _, value in dict.fromkeys((type(each.value), each.value) for each in fact.values)]


@dataclass(frozen=True, slots=True, eq=False)
class CompareLeaf(FactLeaf):
    """A fact compares so with a value, or is one of several."""

    cmp: str
    value: FactScalar | Sequence[FactScalar]

    def judge_value(self, value: FactScalar, today: date) -> Truth:
        """Unknown of a value of another type."""
        if isinstance(self.value, list | tuple):
            return any_of(compare(value, "eq", each) for each in self.value)
        return compare(value, self.cmp, self.value)  # type: ignore[arg-type]  # a list was looked at above


@dataclass(frozen=True, slots=True, eq=False)
class ExistsLeaf(FactLeaf):
    """Somebody has said what a fact is worth; never false."""

    def judge_value(self, value: FactScalar, today: date) -> Truth:
        """Whatever it is worth."""
        return True

    def judge(self, known: Knowledge) -> Truth:
        """True of a disputed fact, too."""
        return True if self.fact in known.facts else None


@dataclass(frozen=True, slots=True, eq=False)
class AgeLeaf(FactLeaf):
    """The whole years since a date compare so with a number."""

    cmp: str
    value: int

    def judge_value(self, value: FactScalar, today: date) -> Truth:
        """Unknown of what is no date, or a date to come."""
        years = _years(value, today)
        return None if years is None else compare_numbers(years, self.cmp, self.value)

    def _found(self, fact: Fact, today: date) -> Any:
        return _years(fact.values[0].value, today)


@dataclass(frozen=True, slots=True, eq=False)
class StepLeaf(Leaf, ABC):
    """A leaf that asks for steps of a type."""

    match: StepMatch
    within: str | None

    @property
    def target(self) -> LeafTarget:
        """The type."""
        return LeafTarget("type", self.match.type)

    @property
    def kind(self) -> str | None:
        """The kind of circumstance that it asks for: of that alone a pathway can be complete."""
        return self.match.kind if self.match.type == CIRCUMSTANCE_CHANGED else None

    @abstractmethod
    def judge_count(self, number: int, is_complete: bool) -> Truth:
        """Whether it is true where there are so many such steps, or at least so many."""

    def judge(self, known: Knowledge) -> Truth:
        """False only where enough is known: too many steps, or all of them."""
        number = len(self._matching(known))
        truth = self.judge_count(number, False)
        return self.judge_count(number, self._declaration(known) is not None) if truth is None else truth

    def explain(self, known: Knowledge) -> dict[str, Any]:
        """The first such steps and, where only completeness says it, what declares that."""
        matching = self._matching(known)
        proof = [*matching[:MAX_PROOF_STEPS]]
        if self.judge_count(len(matching), False) is None:
            declaration = self._declaration(known)
            proof += [declaration.step] if declaration else []
        return {
            "is": len(matching),
            "since": day_text(step_date(proof[0], known.zone)) if proof else None,
            "by": _organisations([own.step.org for own in proof]),
            "proof": [event_json(own.name) for own in proof],
        }

    def _matching(self, known: Knowledge) -> list[OwnStep]:
        steps = known.occurrences_in(self.match.type, known.look_back(self.within))
        return [own for own in steps if self.match.holds(own.data)]

    def _declaration(self, known: Knowledge) -> Declaration | None:
        """What says that no such step is missing; nothing does while one may lie before the window or in it."""
        window = known.look_back(self.within)
        declaration = known.declaration_for(self.kind, window)
        if declaration is None:
            return None
        reaches_in = any(self.match.holds(own.data) for own in known.occurrences_into(self.match.type, window))
        return None if reaches_in else declaration


@dataclass(frozen=True, slots=True, eq=False)
class OccurredLeaf(StepLeaf):
    """There is such a step."""

    def judge_count(self, number: int, is_complete: bool) -> Truth:
        """One suffices."""
        return True if number else (False if is_complete else None)


@dataclass(frozen=True, slots=True, eq=False)
class CountLeaf(StepLeaf):
    """The number of such steps compares so with another."""

    cmp: str
    value: int

    def judge_count(self, number: int, is_complete: bool) -> Truth:
        """More steps may come to light: what none of them could change is known already."""
        if is_complete:
            return compare_numbers(number, self.cmp, self.value)
        match self.cmp:
            case "ge" | "gt":
                return True if compare_numbers(number, self.cmp, self.value) else None
            case "lt" | "le":
                return None if compare_numbers(number, self.cmp, self.value) else False
            case "ne":
                return True if number > self.value else None
            case _:
                return False if number > self.value else None


def compile_leaf(node: Mapping[str, Any]) -> Leaf:
    """The leaf, as its JSON says it."""
    key = orjson.dumps(node, option=orjson.OPT_SORT_KEYS)
    match node["op"]:
        case "compare":
            return CompareLeaf(node, key, node["fact"], node["cmp"], node["value"])
        case "exists":
            return ExistsLeaf(node, key, node["fact"])
        case "age":
            return AgeLeaf(node, key, node["fact"], node["cmp"], node["value"])
        case "occurred":
            return OccurredLeaf(node, key, StepMatch.compile(node), node.get("within"))
        case _:
            return CountLeaf(node, key, StepMatch.compile(node), node.get("within"), node["cmp"], node["value"])


def _organisations(orgs: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(orgs))


def _years(value: FactScalar, today: date) -> int | None:
    birth = parse_day(value)
    return None if birth is None else whole_years(birth, today)
