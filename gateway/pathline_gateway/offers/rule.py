"""An eligibility, compiled once and then evaluated of many persons: Kleene's logic over distinct leaves. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pathline_gateway.offers.knowledge import Knowledge
from pathline_gateway.offers.leaves import Leaf, compile_leaf
from pathline_gateway.offers.values import Truth

Truths = Sequence[Truth]
"""Of each distinct leaf of a rule."""


class RuleNode(ABC):
    """A condition of a rule."""

    __slots__ = ()

    @abstractmethod
    def evaluate(self, truths: Truths) -> Truth:
        """Whether it is true, given what each leaf is."""


@dataclass(frozen=True, slots=True)
class Clause(RuleNode):
    """A leaf at its place in the rule; equal leaves at other places are other clauses."""

    number: int
    """Its place in document order, from 0."""
    pointer: str
    """The same as a JSON pointer into the eligibility."""
    leaf: int
    """Which of the distinct leaves it is."""

    def evaluate(self, truths: Truths) -> Truth:
        """What its leaf is."""
        return truths[self.leaf]


@dataclass(frozen=True, slots=True)
class Junction(RuleNode):
    """All of its parts, or any of them."""

    decisive: bool
    """The truth of one part that settles it: of `any` true, of `all` false."""
    parts: tuple[RuleNode, ...]

    def evaluate(self, truths: Truths) -> Truth:
        """Settled by one part, or by all."""
        decisive, found = self.decisive, not self.decisive
        result: Truth = found
        for part in self.parts:
            truth = part.evaluate(truths)
            if truth is decisive:
                return truth
            if truth is None:
                result = None
        return result


@dataclass(frozen=True, slots=True)
class Inversion(RuleNode):
    """The opposite of its part."""

    part: RuleNode

    def evaluate(self, truths: Truths) -> Truth:
        """Unknown stays unknown."""
        truth = self.part.evaluate(truths)
        return None if truth is None else not truth


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """A compiled eligibility; it holds nothing of anybody, so a catalogue can keep it."""

    root: RuleNode
    clauses: tuple[Clause, ...]
    """In document order."""
    leaves: tuple[Leaf, ...]
    """The distinct ones, by their first clauses."""
    first_clauses: tuple[Clause, ...]
    """Of each distinct leaf, by which it is named."""

    def truths(self, known: Knowledge) -> list[Truth]:
        """What each distinct leaf is of her."""
        truth_of = known.truth_of
        return [truth_of(leaf) for leaf in self.leaves]


def compile_rule(eligibility: Mapping[str, Any]) -> CompiledRule:
    """The rule that this JSON says; it keeps the contract of `offer.published`."""
    numbers: dict[bytes, int] = {}
    clauses: list[Clause] = []
    leaves: list[Leaf] = []
    first_clauses: list[Clause] = []

    def compile_node(node: Mapping[str, Any], pointer: str) -> RuleNode:
        match node["op"]:
            case "all" | "any":
                parts = [compile_node(part, f"{pointer}/of/{n}") for n, part in enumerate(node["of"])]
                return Junction(node["op"] == "any", tuple(parts))
            case "not":
                return Inversion(compile_node(node["of"], f"{pointer}/of"))
        leaf = compile_leaf(node)
        number = numbers.setdefault(leaf.key, len(leaves))
        clause = Clause(len(clauses), pointer, number)
        clauses.append(clause)
        if number == len(leaves):
            leaves.append(leaf)
            first_clauses.append(clause)
        return clause

    root = compile_node(eligibility, "")
    return CompiledRule(root, tuple(clauses), tuple(leaves), tuple(first_clauses))


def wanted_leaves(node: RuleNode, wanted: bool = True) -> Iterator[tuple[Clause, bool]]:
    """Each clause with the truth by which it speaks for the rule, in document order."""
    match node:
        case Clause():
            yield node, wanted
        case Inversion():
            yield from wanted_leaves(node.part, not wanted)
        case Junction():
            for part in node.parts:
                yield from wanted_leaves(part, wanted)
