"""Facts that follow from steps: needs, services, papers and circumstances; decisions have a module of their own. Pure.

A fact is true while one thing that makes it so lasts. It is proved by the first of those that last, and after the last
of them has ended by that end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, tzinfo

from pathline_gateway.offers.decision_facts import fold_decisions
from pathline_gateway.offers.facts import Fact, Proven, step_date, true_while_one_is
from pathline_gateway.offers.occurrences import CIRCUMSTANCE_CHANGED, OwnStep, is_declaration

Key = tuple[str, str]
"""An organisation, and its own id or name of a thing."""


def fold_derived(own_steps: Iterable[OwnStep], today: date, zone: tzinfo) -> list[Fact]:
    """What the steps, given in pathway order, prove besides what they state."""
    steps = list(own_steps)
    return [
        *_fold_needs(steps, zone),
        *_fold_services(steps, zone),
        *_fold_evidence(steps, zone),
        *_fold_circumstances(steps, today),
        *fold_decisions(steps, today, zone),
    ]


@dataclass(slots=True)
class _Spans:
    """Of each thing and code, whether it lasts, and the step since which that is so."""

    last: dict[Key, dict[str, tuple[bool, OwnStep]]] = field(default_factory=dict)

    def codes(self, key: Key) -> list[str]:
        return list(self.last.get(key, ()))

    def turn(self, key: Key, code: str, is_open: bool, own: OwnStep) -> None:
        """It begins or ends; a second beginning, or a second end, changes nothing."""
        codes = self.last.setdefault(key, {})
        if code not in codes or codes[code][0] is not is_open:
            codes[code] = is_open, own

    def facts(self, prefix: str, zone: tzinfo) -> Iterator[Fact]:
        by_code: defaultdict[str, list[Proven]] = defaultdict(list)
        for codes in self.last.values():
            for code, (is_open, own) in codes.items():
                by_code[code].append(Proven(is_open, own, step_date(own, zone)))
        for code, proven in by_code.items():
            yield true_while_one_is(proven).to_fact(f"{prefix}.{code}")


def _fold_needs(own_steps: Iterable[OwnStep], zone: tzinfo) -> Iterator[Fact]:
    needs, latest = _Spans(), dict[Key, str]()
    for each in own_steps:
        key, code = (each.step.org, each.data.get("need", "")), each.data.get("code")
        match each.type:
            case "need.expressed" | "need.identified" if code:
                latest[key] = code
                needs.turn(key, code, True, each)
            case "need.changed" if code and code != latest.get(key):
                for other in needs.codes(key):
                    needs.turn(key, other, other == code, each)
                latest[key] = code
                needs.turn(key, code, True, each)
            case "need.met" | "need.withdrawn":
                for other in needs.codes(key) or ([code] if code else []):
                    needs.turn(key, other, False, each)
    yield from needs.facts("need", zone)


def _fold_services(own_steps: Iterable[OwnStep], zone: tzinfo) -> Iterator[Fact]:
    services = _Spans()
    for each in own_steps:
        service = each.step.service
        if service is not None and each.type in ("service.started", "service.ended"):
            services.turn((each.step.org, service), service, each.type == "service.started", each)
    yield from services.facts("service", zone)


def _fold_evidence(own_steps: Iterable[OwnStep], zone: tzinfo) -> Iterator[Fact]:
    first: dict[str, OwnStep] = {}
    for each in own_steps:
        if each.type == "evidence.provided":
            for item in each.data.get("items") or ():
                first.setdefault(item, each)
    for item, own in first.items():
        yield Proven(True, own, step_date(own, zone)).to_fact(f"evidence.{item}")


def _fold_circumstances(own_steps: Iterable[OwnStep], today: date) -> Iterator[Fact]:
    latest: dict[str, tuple[date, OwnStep]] = {}
    for each in own_steps:
        if each.type != CIRCUMSTANCE_CHANGED or is_declaration(each):
            continue
        kind, effective = each.data["kind"], each.day("effective")
        if effective is not None and effective <= today and (kind not in latest or effective > latest[kind][0]):
            latest[kind] = (effective, each)
    for kind, (effective, own) in latest.items():
        yield Proven(effective.isoformat(), own, effective).to_fact(f"circumstance.{kind}")
