"""Which leaves are named to a person only when she asks for more: somebody may look over her shoulder. Pure."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from pathline_gateway.offers.leaves import FactLeaf, Leaf, StepLeaf
from pathline_gateway.offers.rule import CompiledRule

SENSITIVE_KINDS: Final = frozenset(("violence", "custody", "illness", "disability"))
"""Kinds of circumstance that are sensitive in every rule."""
_SENSITIVE_FACTS: Final = frozenset(f"circumstance.{kind}" for kind in SENSITIVE_KINDS)


def sensitive_leaves(rule: CompiledRule, names: Set[str]) -> frozenset[int]:
    """The distinct leaves that are sensitive; `names` are the facts that the offer's publisher calls so."""
    return frozenset(n for n, leaf in enumerate(rule.leaves) if _is_sensitive(leaf, names))


def _is_sensitive(leaf: Leaf, names: Set[str]) -> bool:
    match leaf:
        case FactLeaf():
            return leaf.fact in names or leaf.fact in _SENSITIVE_FACTS
        case StepLeaf():
            return leaf.kind in SENSITIVE_KINDS
    return False
