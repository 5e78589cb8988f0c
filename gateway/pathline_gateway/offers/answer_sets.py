"""What would make a rule true: small sets of answers, from which none can be dropped. Pure.

Sets are found from the leaves to the root. A leaf wanted true and the same leaf wanted false are two answers. Leaves
count as independent of each other, except that one value must answer all those about a fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pathline_gateway.offers.fact_values import FactValues, tabulate_values
from pathline_gateway.offers.knowledge import Knowledge
from pathline_gateway.offers.leaves import AgeLeaf, FactLeaf, Leaf
from pathline_gateway.offers.rule import Clause, CompiledRule, Inversion, Junction, RuleNode, Truths
from pathline_gateway.offers.values import Truth

MAX_LISTED: Final = 5
"""Sets that are listed for one offer."""
MAX_SIZE: Final = 4
"""Distinct facts and step types in a set that is listed."""
MAX_SETS_OF_NODE: Final = 200
"""Sets that are kept while the rule is worked through, at each node of it."""
_MAX_LARGE_SETS: Final = 64
"""The same of larger ones: they are kept to know whether there are any, after all."""


class WantedAnswer(NamedTuple):
    """A leaf, and the truth that it is to have."""

    leaf: int
    wanted: bool


class AnswerSet(NamedTuple):
    """Answers that together make the rule true."""

    answers: tuple[WantedAnswer, ...]
    """In document order."""
    size: int
    """Distinct facts and step types."""


class AnswerSets(NamedTuple):
    """What is listed, and whether there is more."""

    listed: tuple[AnswerSet, ...]
    more: bool


class _Set(NamedTuple):
    """Answers as bits, the first in document order as the highest: so the larger number is the first in that order."""

    bits: int
    targets: int
    """The facts and step types, as bits."""


_NOTHING: Final = _Set(0, 0)


def find_answer_sets(rule: CompiledRule, known: Knowledge, hidden: frozenset[int] = frozenset()) -> AnswerSets:
    """The sets to list for a rule that is unknown; those with a leaf among `hidden` are only said to be more."""
    search = _Search(rule, known)
    found = search.sets_of(rule.root, True)
    sets = [search.read(each) for each in found]
    small = [each for each in sets if each.size <= MAX_SIZE]
    shown = [each for each in small if hidden.isdisjoint(answer.leaf for answer in each.answers)]
    is_none_small_enough = not small and (bool(sets) or search.has_cut_large)
    more = len(shown) > MAX_LISTED or len(shown) < len(small) or search.has_cut or is_none_small_enough
    return AnswerSets(tuple(shown[:MAX_LISTED]), more)


@dataclass(slots=True)
class _Search:
    """The sets of one rule, for one person."""

    rule: CompiledRule
    known: Knowledge
    has_cut: bool = False
    """Some small sets were not kept."""
    has_cut_large: bool = False
    """Some larger ones were not."""
    _truths: list[Truth] = field(init=False)
    _target_bits: list[int] = field(init=False)
    _first_bit: int = field(init=False)
    """The place of the bit of the first leaf, wanted true; the next is that of the same leaf, wanted false."""
    _values: dict[str, FactValues] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._truths = self.rule.truths(self.known)
        self._first_bit = 2 * len(self.rule.leaves) - 1
        numbers: dict[object, int] = {}
        self._target_bits = [1 << numbers.setdefault(leaf.target, len(numbers)) for leaf in self.rule.leaves]

    def read(self, found: _Set) -> AnswerSet:
        """The set, as others read it."""
        return AnswerSet(tuple(self._answers(found.bits)), found.targets.bit_count())

    def sets_of(self, node: RuleNode, wanted: bool) -> list[_Set]:
        """The sets under which the node has this truth, in listed order."""
        truth = node.evaluate(self._truths)
        if truth is not None:
            return [_NOTHING] if truth is wanted else []
        match node:
            case Clause():
                return self._sets_of_leaf(node.leaf, wanted)
            case Inversion():
                return self.sets_of(node.part, not wanted)
            case Junction() if node.decisive is wanted:
                return self._join(node, wanted)
            case Junction():
                return self._multiply(node, wanted)
        raise AssertionError("a rule has no other nodes")

    def _sets_of_leaf(self, leaf: int, wanted: bool) -> list[_Set]:
        found = _Set(1 << (self._first_bit - 2 * leaf - (not wanted)), self._target_bits[leaf])
        return [found] if not self._is_settled(self.rule.leaves[leaf]) and self._is_possible(found.bits) else []

    def _is_settled(self, leaf: Leaf) -> bool:
        """Whether no answer would count: the fact is known and of another type, or statements of today dispute it."""
        if not isinstance(leaf, FactLeaf):
            return False
        fact = self.known.facts.get(leaf.fact)
        if fact is None:
            return False
        if not fact.is_known:
            return fact.since >= self.known.today
        return not (isinstance(leaf, AgeLeaf) and isinstance(fact.values[0].value, str))

    def _join(self, node: Junction, wanted: bool) -> list[_Set]:
        """One part is enough."""
        found = {each for part in node.parts for each in self.sets_of(part, wanted)}
        return self._keep(found, lambda truths: node.evaluate(truths) is wanted)

    def _multiply(self, node: Junction, wanted: bool) -> list[_Set]:
        """All parts are needed."""
        found, parts = [_NOTHING], list[RuleNode]()
        for part in node.parts:
            sets = self.sets_of(part, wanted)
            parts.append(part)
            if sets == [_NOTHING]:
                continue
            products = {_Set(one.bits | other.bits, one.targets | other.targets) for one in found for other in sets}
            found = self._keep(products, _all_are(parts, wanted))
            if not found:
                break
        return found

    def _keep(self, candidates: Iterable[_Set], holds: Callable[[Truths], bool]) -> list[_Set]:
        """Those that a person can answer and from which nothing can be dropped, in listed order, within bounds."""
        kept: list[_Set] = []
        small_count = 0
        for each in sorted(candidates, key=_listed_order):
            is_small = each.targets.bit_count() <= MAX_SIZE
            if is_small and small_count == MAX_SETS_OF_NODE:
                self.has_cut = True
                continue
            if len(kept) - small_count == _MAX_LARGE_SETS:
                self.has_cut_large = True
                break
            if self._is_possible(each.bits) and self._is_irredundant(each.bits, holds):
                kept.append(each)
                small_count += is_small
        return kept

    def _is_irredundant(self, bits: int, holds: Callable[[Truths], bool]) -> bool:
        if bits.bit_count() < 2:
            return True
        truths = list(self._truths)
        answers = list(self._answers(bits))
        for leaf, wanted in answers:
            truths[leaf] = wanted
        for leaf, wanted in answers:
            truths[leaf] = None
            if holds(truths):
                return False
            truths[leaf] = wanted
        return True

    def _is_possible(self, bits: int) -> bool:
        """Whether no leaf is to be both, and one value of each fact answers all leaves about it."""
        by_fact: dict[str, list[WantedAnswer]] = {}
        seen = -1
        for answer in self._answers(bits):
            if answer.leaf == seen:
                return False
            seen = answer.leaf
            leaf = self.rule.leaves[answer.leaf]
            if isinstance(leaf, FactLeaf):
                by_fact.setdefault(leaf.fact, []).append(answer)
        return all(self._values_of(fact).is_possible(answers) for fact, answers in by_fact.items())

    def _answers(self, bits: int) -> Iterator[WantedAnswer]:
        """The answers of these bits, in document order."""
        while bits:
            highest = bits.bit_length() - 1
            bits ^= 1 << highest
            leaf, is_wanted_false = divmod(self._first_bit - highest, 2)
            yield WantedAnswer(leaf, not is_wanted_false)

    def _values_of(self, fact: str) -> FactValues:
        values = self._values.get(fact)
        if values is None:
            leaves = [
                (n, leaf) for n, leaf in enumerate(self.rule.leaves) if isinstance(leaf, FactLeaf) and leaf.fact == fact
            ]
            values = self._values[fact] = tabulate_values(leaves, self.known.today)
        return values


def _all_are(parts: Sequence[RuleNode], wanted: bool) -> Callable[[Truths], bool]:
    return lambda truths: all(part.evaluate(truths) is wanted for part in parts)


def _listed_order(each: _Set) -> tuple[int, int]:
    """The smallest first, then by document order, `wanted: true` first."""
    return each.targets.bit_count(), -each.bits
