"""Facts, verdicts and questions by a slow oracle, written from the rules alone: brute force, and nothing clever.

`facts_of`, `verdict_of` and `ask_next_of` are what it is for. It tries every set of answers, so a rule of more than
some ten unknown leaves takes it long. It keeps no first 200 sets at a node, as one that must be fast does.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from support.oracles.answers_oracle import can_be_answered, can_be_given, can_be_proved, size_of
from support.oracles.facts_oracle import DERIVED, facts_of
from support.oracles.leaves_oracle import Finding, Node, Truth, finding_of, kind_of
from support.oracles.oracle_times import Step, today

__all__ = ["ask_next_of", "facts_of", "verdict_of"]

LISTED_SETS = 5
"""How many sets of answers are listed."""

LARGEST_SET = 4
"""How many facts and step types the answers of a listed set are about, at most."""

SENSITIVE_KINDS = ("violence", "custody", "illness", "disability")
"""Kinds of circumstance that are named to her only when she asks for more."""

AND: Mapping[tuple[Truth, Truth], Truth] = {
    (True, True): True,
    (True, False): False,
    (True, None): None,
    (False, True): False,
    (False, False): False,
    (False, None): False,
    (None, True): None,
    (None, False): False,
    (None, None): None,
}
OR: Mapping[tuple[Truth, Truth], Truth] = {
    (True, True): True,
    (True, False): True,
    (True, None): True,
    (False, True): True,
    (False, False): False,
    (False, None): None,
    (None, True): True,
    (None, False): None,
    (None, None): None,
}
NOT: Mapping[Truth, Truth] = {True: False, False: True, None: None}
"""Strong Kleene."""

Tree = str | tuple[str, list["Tree"]]
"""A rule of which each leaf is its JSON, so that equal leaves are one."""

Answers = tuple[tuple[str, bool], ...]
"""Leaves, as JSON, and what is wanted of each, in the order of their first clauses."""


def verdict_of(
    steps: Sequence[Step],
    eligibility: Node | None,
    now: datetime,
    zone: ZoneInfo,
    sensitive: Collection[str] = frozenset(),
    show_sensitive: bool = False,
) -> dict[str, Any]:
    """`verdict` with `because` (of `available` and `not`), or `if` and `more` (of `could_be`)."""
    # An offer without a rule is open to everybody.
    if eligibility is None:
        return {"verdict": "available", "because": [], "if": None, "more": False}
    facts = facts_of(steps, now, zone)
    clauses = _clauses(eligibility, "")
    findings = {_as_json(leaf): finding_of(leaf, steps, facts, now, zone) for _, leaf in clauses}
    truths = {leaf: finding.truth for leaf, finding in findings.items()}
    verdict = _kleene(_tree(eligibility), truths)

    def hidden(leaf: Node) -> bool:
        return not show_sensitive and _is_sensitive(leaf, sensitive)

    if verdict is None:
        sets = _sets_of_answers(eligibility, truths, facts, today(now, zone))
        small = [answers for answers in sets if size_of([json.loads(leaf) for leaf, _ in answers]) <= LARGEST_SET]
        shown = [answers for answers in small if not any(hidden(json.loads(leaf)) for leaf, _ in answers)]
        # There is more where more than these are small enough, where none is, and where one is sensitive.
        more = len(shown) > LISTED_SETS or len(shown) < len(small) or (bool(sets) and not small)
        listed = [[_answer(leaf, wanted, clauses) for leaf, wanted in answers] for answers in shown[:LISTED_SETS]]
        return {"verdict": "could_be", "because": None, "if": listed, "more": more}
    because = [
        {"clause": clause, "sensitive": True} if hidden(leaf) else _reason(clause, leaf, findings[_as_json(leaf)])
        for clause, leaf in _because(eligibility, truths, verdict)
    ]
    return {"verdict": "available" if verdict else "not", "because": because, "if": None, "more": False}


def ask_next_of(
    steps: Sequence[Step],
    offers: Sequence[Mapping[str, Any]],
    now: datetime,
    zone: ZoneInfo,
    show_sensitive: bool = False,
) -> dict[str, Any] | None:
    """The fact or the kind that stands in listed sets of most offers, and of how many; None where none can be asked.

    An offer may name what is sensitive in it, in `sensitive`.
    """
    settles: Counter[tuple[str, str]] = Counter()
    for offer in offers:
        hides = offer.get("sensitive") or frozenset()
        verdict = verdict_of(steps, offer.get("eligibility"), now, zone, hides, show_sensitive)
        # An offer counts once for what it asks, in however many of its sets.
        settles.update({asked for answers in verdict["if"] or () for answer in answers for asked in _asked(answer)})
    # Most offers first, then by name; of one name the fact before the kind, as it is in the alphabet.
    best = sorted(settles, key=lambda asked: (-settles[asked], asked[1], asked[0]))
    return {best[0][0]: best[0][1], "settles": settles[best[0]]} if best else None


def _asked(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    # What no step can give is never asked.
    if answer.get("provable") is False:
        return []
    if answer["op"] in ("occurred", "count"):
        # Of steps she can only say whether a kind of circumstance changed.
        kind = kind_of(answer)
        return [] if kind is None else [("kind", kind)]
    # What is derived cannot be stated.
    return [] if answer["fact"].startswith(DERIVED) else [("fact", answer["fact"])]


def _clauses(node: Node, pointer: str) -> list[tuple[str, Node]]:
    """Every leaf with its JSON pointer, in document order."""
    if node["op"] == "not":
        return _clauses(node["of"], f"{pointer}/of")
    if node["op"] in ("all", "any"):
        return [clause for place, child in enumerate(node["of"]) for clause in _clauses(child, f"{pointer}/of/{place}")]
    return [(pointer, node)]


def _as_json(leaf: Node) -> str:
    """Leaves are one where they are the same JSON: the order of members is nothing, 1 is not true."""
    return json.dumps(leaf, sort_keys=True)


def _tree(node: Node) -> Tree:
    if node["op"] == "not":
        return "not", [_tree(node["of"])]
    return (node["op"], [_tree(child) for child in node["of"]]) if node["op"] in ("all", "any") else _as_json(node)


def _kleene(tree: Tree, known: Mapping[str, Truth]) -> Truth:
    """The truth of a rule when of its leaves so much is known."""
    if isinstance(tree, str):
        return known.get(tree)
    op, children = tree
    if op == "not":
        return NOT[_kleene(children[0], known)]
    truth: Truth = op == "all"
    for child in children:
        truth = (AND if op == "all" else OR)[truth, _kleene(child, known)]
    return truth


def _because(root: Node, truths: Mapping[str, Truth], verdict: bool) -> list[tuple[str, Node]]:
    """Clauses that suffice for the verdict, and of which none can be spared, in document order."""

    def sufficient(node: Node, pointer: str) -> list[tuple[str, Node]]:
        if node["op"] == "not":
            return sufficient(node["of"], f"{pointer}/of")
        if node["op"] not in ("all", "any"):
            return [(pointer, node)]
        truth = _kleene(_tree(node), truths)
        forcing = [
            sufficient(child, f"{pointer}/of/{place}")
            for place, child in enumerate(node["of"])
            if _kleene(_tree(child), truths) is truth
        ]
        if (node["op"] == "all") is truth:
            # All are needed for a true `all` and for a false `any`.
            return [clause for child in forcing for clause in child]
        # One is enough for a false `all` and a true `any`: the first of those with the fewest clauses.
        return min(forcing, key=len)

    clauses = sufficient(root, "")
    kept = {_as_json(leaf): truths[_as_json(leaf)] for _, leaf in clauses}
    for _, leaf in reversed(clauses):
        # From the last to the first: forgotten wherever it stands, if the verdict stands without it.
        without = {other: truth for other, truth in kept.items() if other != _as_json(leaf)}
        if _kleene(_tree(root), without) is verdict:
            kept = without
    # Equal leaves are one, under the first of their clauses.
    named: dict[str, tuple[str, Node]] = {}
    for clause, leaf in clauses:
        if _as_json(leaf) in kept:
            named.setdefault(_as_json(leaf), (clause, leaf))
    return list(named.values())


def _sets_of_answers(
    root: Node, truths: Mapping[str, Truth], facts: Sequence[Mapping[str, Any]], on: date
) -> list[Answers]:
    """Every set of answers that would make the rule true, of which none can be spared, and that can be given.

    Smallest first, then by document order, a wanted true first.
    """
    tree = _tree(root)
    unknown = [leaf for leaf, truth in truths.items() if truth is None and can_be_answered(json.loads(leaf), facts, on)]

    def suffices(answers: Mapping[str, bool]) -> bool:
        return _kleene(tree, {**truths, **answers}) is True

    found: list[Answers] = []
    for wanted in itertools.product((True, False, None), repeat=len(unknown)):
        answers = {leaf: want for leaf, want in zip(unknown, wanted, strict=True) if want is not None}
        if not suffices(answers):
            continue
        # A set is left out if one of its answers can be dropped.
        if any(suffices({leaf: want for leaf, want in answers.items() if leaf != dropped}) for dropped in answers):
            continue
        # And if no value of a fact is as all the answers about it want.
        if can_be_given([(json.loads(leaf), want) for leaf, want in answers.items()], on):
            found.append(tuple(answers.items()))
    # The truths are in document order, so these are the places of first clauses.
    place = {leaf: number for number, leaf in enumerate(truths)}
    return sorted(
        found,
        key=lambda answers: (
            size_of([json.loads(leaf) for leaf, _ in answers]),
            [(place[leaf], not want) for leaf, want in answers],
        ),
    )


def _is_sensitive(leaf: Node, names: Collection[str]) -> bool:
    if leaf["op"] in ("occurred", "count"):
        return kind_of(leaf) in SENSITIVE_KINDS
    return leaf["fact"] in names or leaf["fact"] in [f"circumstance.{kind}" for kind in SENSITIVE_KINDS]


def _answer(leaf: str, wanted: bool, clauses: Sequence[tuple[str, Node]]) -> dict[str, Any]:
    """The answer as it is served, an equal leaf under its first clause."""
    clause, node = next((clause, node) for clause, node in clauses if _as_json(node) == leaf)
    marked = {} if can_be_proved(node, wanted) else {"provable": False}
    return {"clause": clause, **node, "wanted": wanted, **marked}


def _reason(clause: str, leaf: Node, finding: Finding) -> dict[str, Any]:
    return {
        "clause": clause,
        **leaf,
        "is": finding.is_,
        "since": finding.since,
        "by": finding.by,
        "proof": finding.proof,
    }
