"""What would merge or split if a reviewer decided: the same binding as ever, with and without the decision. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pathline import instant
from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.identity.resolution import LIMITS, ResolutionLimits, resolve_people
from pathline_gateway.reserved_names import REVIEW_SOURCE

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DecisionEffect:
    """People, as sets of refs, whom a decision would change; those of its two refs in any case."""

    before: list[frozenset[int]]
    after: list[frozenset[int]]
    is_binding: bool
    """Whether the decision would be in force: another one, which it cannot overrule, may stand against it."""


def preview_decision(
    refs: Mapping[int, str], evidence: Collection[Evidence], new_decision: Evidence, limits: ResolutionLimits = LIMITS
) -> DecisionEffect:
    """What this decision would change among `refs`, each with its organisation; every ref of the evidence is one."""
    before, after = resolve_people(refs, evidence, limits), resolve_people(refs, [*evidence, new_decision], limits)
    people_before, people_after = set(before.people), set(after.people)
    return DecisionEffect(
        _changed_people(before.people, people_after, new_decision),
        _changed_people(after.people, people_before, new_decision),
        new_decision not in after.waiting,
    )


def build_decision(evidence: Iterable[Evidence], a: int, b: int, same: bool, now: datetime, id: str = "") -> Evidence:
    """A reviewer's decision, newer than every other in the evidence: clocks of two gateways may differ."""
    newest = max((e.asserted_at for e in evidence if e.is_decision), default=instant.EARLIEST)
    return Evidence(REVIEW_SOURCE, id, same, a, b, EvidenceRank.DECISION, 1.0, max(now, instant.add(newest, _TICK)))


def _changed_people(
    people: Iterable[frozenset[int]], unchanged: Collection[frozenset[int]], new_decision: Evidence
) -> list[frozenset[int]]:
    return [
        person for person in people if person not in unchanged or new_decision.a in person or new_decision.b in person
    ]
