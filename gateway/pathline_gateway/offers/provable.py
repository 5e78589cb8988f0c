"""Which answers a step can give at all, and which of them the person herself can give. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from pathline_gateway.offers.facts import is_derived_name
from pathline_gateway.offers.leaves import CountLeaf, ExistsLeaf, FactLeaf, Leaf, StepLeaf
from pathline_gateway.offers.rule import CompiledRule, compile_rule, wanted_leaves

_MAX_PLACES: Final = 3
"""Places that a notice names."""


class Question(NamedTuple):
    """What the person can be asked: the value of a fact, or whether a kind of circumstance has come."""

    what: Literal["fact", "kind"]
    name: str


def is_provable(leaf: Leaf, wanted: bool) -> bool:
    """Whether some step can give the leaf this truth.

    No step shows that a fact is absent. None shows that there are no more steps of a type that cannot be complete.
    """
    match leaf:
        case ExistsLeaf():
            return wanted
        case StepLeaf() if leaf.kind is None:
            return not _needs_completeness(leaf, wanted)
    return True


def question_of(leaf: Leaf) -> Question | None:
    """What to ask for an answer to this leaf; None where she cannot give one."""
    match leaf:
        case FactLeaf() if not is_derived_name(leaf.fact):
            return Question("fact", leaf.fact)
        case StepLeaf() if leaf.kind is not None:
            return Question("kind", leaf.kind)
    return None


def unprovable_clauses(eligibility: Mapping[str, Any]) -> list[str]:
    """JSON pointers to the leaves whose answer, as the rule wants it, no step can give."""
    rule: CompiledRule = compile_rule(eligibility)
    return [
        clause.pointer
        for clause, wanted in wanted_leaves(rule.root)
        if not is_provable(rule.leaves[clause.leaf], wanted)
    ]


def unprovable_detail(eligibility: Mapping[str, Any]) -> str | None:
    """What to tell the publisher of a rule that wants what no step can show; None where it wants nothing such."""
    pointers = unprovable_clauses(eligibility)
    if not pointers:
        return None
    places = [f"at {pointer or 'its root'}" for pointer in pointers[:_MAX_PLACES]]
    if len(pointers) > _MAX_PLACES:
        places.append(f"and {len(pointers) - _MAX_PLACES} more")
    return (
        f"{', '.join(places)}: no step can show this, so it is never known of anybody. Ask for what a step says. "
        "Of circumstance.changed with a kind, a step can say that nothing is missing"
    )


def _needs_completeness(leaf: StepLeaf, wanted: bool) -> bool:
    """Whether that truth rests on there being no more such steps than are known."""
    if isinstance(leaf, CountLeaf):
        return {"ge": not wanted, "gt": not wanted, "lt": wanted, "le": wanted, "eq": wanted, "ne": not wanted}[
            leaf.cmp
        ]
    return not wanted
