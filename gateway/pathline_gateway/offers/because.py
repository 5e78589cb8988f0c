"""Why a rule is true or false of a person: leaves that are enough, and none too many. Pure."""

from __future__ import annotations

from typing import Any

from pathline_gateway.offers.knowledge import Knowledge
from pathline_gateway.offers.rule import Clause, CompiledRule, Inversion, Junction, RuleNode, Truths
from pathline_gateway.offers.values import Truth


def find_because(rule: CompiledRule, truths: Truths) -> list[Clause]:
    """The clauses that say why, in document order; the rule is true or false by these truths."""
    verdict = rule.root.evaluate(truths)
    found = sorted(_sufficient(rule.root, truths), key=lambda clause: clause.number)
    kept = {clause.leaf for clause in found}
    for clause in reversed(found):
        if clause.leaf in kept and rule.root.evaluate(_only(truths, kept - {clause.leaf})) is verdict:
            kept.remove(clause.leaf)
    by_leaf: dict[int, Clause] = {}
    for clause in found:
        if clause.leaf in kept:
            by_leaf.setdefault(clause.leaf, clause)
    return list(by_leaf.values())


def serve_because(rule: CompiledRule, known: Knowledge, hidden: frozenset[int] = frozenset()) -> list[dict[str, Any]]:
    """The same as it is served; of a leaf among `hidden` only its place."""
    return [
        {"clause": clause.pointer, "sensitive": True}
        if clause.leaf in hidden
        else {
            "clause": clause.pointer,
            **rule.leaves[clause.leaf].written,
            **known.explanation_of(rule.leaves[clause.leaf]),
        }
        for clause in find_because(rule, rule.truths(known))
    ]


def _sufficient(node: RuleNode, truths: Truths) -> list[Clause]:
    """Clauses that force the node, which is true or false."""
    match node:
        case Clause():
            return [node]
        case Inversion():
            return _sufficient(node.part, truths)
        case Junction() if node.evaluate(truths) is node.decisive:
            forcing = (part for part in node.parts if part.evaluate(truths) is node.decisive)
            return min((_sufficient(part, truths) for part in forcing), key=len)
        case Junction():
            return [clause for part in node.parts for clause in _sufficient(part, truths)]
    raise AssertionError("a rule has no other nodes")


def _only(truths: Truths, leaves: set[int]) -> list[Truth]:
    return [truth if n in leaves else None for n, truth in enumerate(truths)]
