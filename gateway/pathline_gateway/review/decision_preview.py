"""What would merge or split if a reviewer decided: the same binding as ever, with and without the decision. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pathline import instant
from pathline_gateway.identity.evidence import Evidence, EvidenceRank
from pathline_gateway.identity.resolution import LIMITS, ResolutionLimits, resolve_people
from pathline_gateway.reserved_names import REVIEW

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """People, as sets of refs, whom a decision would change; those of its two refs in any case."""

    before: list[frozenset[int]]
    after: list[frozenset[int]]
    binds: bool
    """Whether the decision would be in force: another one, which it cannot overrule, may stand against it."""


def what_if(
    refs: Mapping[int, str], evidence: Collection[Evidence], decided: Evidence, limits: ResolutionLimits = LIMITS
) -> WhatIf:
    """What this decision would change among `refs`, each with its organisation; every ref of the evidence is one."""
    before, after = resolve_people(refs, evidence, limits), resolve_people(refs, [*evidence, decided], limits)
    were, become = set(before.people), set(after.people)
    return WhatIf(
        _concerned(before.people, become, decided),
        _concerned(after.people, were, decided),
        decided not in after.waiting,
    )


def decision(evidence: Iterable[Evidence], a: int, b: int, same: bool, now: datetime, id: str = "") -> Evidence:
    """A reviewer's decision, newer than every other in the evidence: clocks of two gateways may differ."""
    newest = max((e.asserted_at for e in evidence if e.decided), default=instant.EARLIEST)
    return Evidence(REVIEW, id, same, a, b, EvidenceRank.DECISION, 1.0, max(now, instant.after(newest, _TICK)))


def _concerned(
    people: Iterable[frozenset[int]], others: Collection[frozenset[int]], e: Evidence
) -> list[frozenset[int]]:
    return [person for person in people if person not in others or e.a in person or e.b in person]
