"""What an offer is of a person: available, not, or one that could be, and what that rests on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any, Literal

from pathline_gateway.offers.answer_sets import AnswerSet, find_answer_sets
from pathline_gateway.offers.because import serve_because
from pathline_gateway.offers.knowledge import Knowledge
from pathline_gateway.offers.provable import Question, is_provable, question_of
from pathline_gateway.offers.rule import CompiledRule, compile_rule
from pathline_gateway.offers.sensitive import sensitive_leaves
from pathline_gateway.offers.values import Truth

Outcome = Literal["available", "not", "could_be"]


@dataclass(frozen=True, slots=True, eq=False)
class CompiledOffer:
    """An offer's rule, compiled; it holds nothing of anybody, so a catalogue can keep it."""

    rule: CompiledRule | None
    """None: open to all."""
    sensitive: frozenset[int] = frozenset()
    """The distinct leaves that are named to her only when she asks for more."""

    def judge(self, known: Knowledge) -> Truth:
        """Whether she fulfils the rule."""
        return True if self.rule is None else self.rule.root.evaluate(self.rule.truths(known))


@dataclass(frozen=True, slots=True)
class OfferVerdict:
    """What an offer is of her, and why, or what would settle it."""

    outcome: Outcome
    because: list[dict[str, Any]] | None = None
    """Of `available` and `not`, as served."""
    answer_sets: list[list[dict[str, Any]]] | None = None
    """Of `could_be`: what is served as `if`."""
    more: bool = False
    """Of `could_be`: there are other sets."""
    questions: frozenset[Question] = frozenset()
    """What she could be asked, of the sets that are listed."""
    smallest: int | None = None
    """How many facts and types the smallest listed set has."""

    def to_json(self) -> dict[str, Any]:
        """What a pull serves of it beside the offer."""
        if self.outcome != "could_be":
            return {"because": self.because}
        return {"if": self.answer_sets, "more": self.more}


def compile_offer(eligibility: Mapping[str, Any] | None, sensitive: Iterable[str] | None = ()) -> CompiledOffer:
    """The offer's rule, from the data of its `offer.published`."""
    if not eligibility:
        return CompiledOffer(None)
    rule = compile_rule(eligibility)
    return CompiledOffer(rule, sensitive_leaves(rule, frozenset(sensitive or ())))


def judge_offer(offer: CompiledOffer, known: Knowledge, *, show_sensitive: bool = False) -> OfferVerdict:
    """The verdict; unless she asked for them, sensitive leaves are not named."""
    rule, truth = offer.rule, offer.judge(known)
    if rule is None:
        return OfferVerdict("available", [])
    hidden: frozenset[int] = frozenset() if show_sensitive else offer.sensitive
    if truth is not None:
        return OfferVerdict("available" if truth else "not", serve_because(rule, known, hidden))
    sets = find_answer_sets(rule, known, hidden)
    return OfferVerdict(
        "could_be",
        answer_sets=[_serve_set(rule, each) for each in sets.listed],
        more=sets.more,
        questions=_questions(rule, sets.listed),
        smallest=min((each.size for each in sets.listed), default=None),
    )


def _serve_set(rule: CompiledRule, found: AnswerSet) -> list[dict[str, Any]]:
    return [
        {"clause": rule.first_clauses[leaf].pointer, **rule.leaves[leaf].written, "wanted": wanted}
        | ({} if is_provable(rule.leaves[leaf], wanted) else {"provable": False})
        for leaf, wanted in found.answers
    ]


def _questions(rule: CompiledRule, sets: Iterable[AnswerSet]) -> frozenset[Question]:
    provable: Set[int] = {
        answer.leaf for each in sets for answer in each.answers if is_provable(rule.leaves[answer.leaf], answer.wanted)
    }
    questions = (question_of(rule.leaves[leaf]) for leaf in provable)
    return frozenset(question for question in questions if question is not None)
