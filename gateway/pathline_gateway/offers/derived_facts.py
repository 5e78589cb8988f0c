"""Facts that follow from steps: needs, services, papers and circumstances; decisions have a module of their own. Pure.

A fact is true while one thing that makes it so lasts. It is proved by the first of those that last, and after the last
of them has ended by that end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, tzinfo

from pathline_gateway.offers.decision_facts import fold_decisions
from pathline_gateway.offers.facts import Fact, Proven, step_date
from pathline_gateway.offers.occurrences import CIRCUMSTANCE_CHANGED, OwnStep, is_declaration

_Key = tuple[str, str]


@dataclass(slots=True)
class _OpenAndClosed:
    """What is open, by whose it is and then by code; and of each code the last end."""

    open: dict[_Key, dict[str, OwnStep]] = field(default_factory=dict)
    closed: dict[str, OwnStep] = field(default_factory=dict)

    def begin(self, key: _Key, code: str, own: OwnStep) -> None:
        self.open.setdefault(key, {}).setdefault(code, own)

    def end(self, key: _Key, own: OwnStep, but: str | None = None) -> None:
        codes = self.open.get(key, {})
        for code in [each for each in codes if each != but]:
            del codes[code]
            self.closed[code] = own

    def facts(self, prefix: str, zone: tzinfo) -> Iterator[Fact]:
        opened = sorted(
            ((own, code) for codes in self.open.values() for code, own in codes.items()),
            key=lambda each: each[0].step.sort_key,
        )
        first_open: dict[str, OwnStep] = {}
        for own, code in opened:
            first_open.setdefault(code, own)
        for code in self.closed.keys() | first_open.keys():
            is_open = code in first_open
            own = first_open[code] if is_open else self.closed[code]
            yield Proven(is_open, own, step_date(own, zone)).to_fact(f"{prefix}.{code}")


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


def _fold_needs(own_steps: Iterable[OwnStep], zone: tzinfo) -> Iterator[Fact]:
    needs = _OpenAndClosed()
    for each in own_steps:
        key, code = (each.step.org, each.data.get("need", "")), each.data.get("code")
        match each.type:
            case "need.expressed" | "need.identified" if code:
                needs.begin(key, code, each)
            case "need.changed" if code and needs.open.get(key):
                needs.end(key, each, but=code)
                needs.begin(key, code, each)
            case "need.met" | "need.withdrawn":
                needs.end(key, each)
    yield from needs.facts("need", zone)


def _fold_services(own_steps: Iterable[OwnStep], zone: tzinfo) -> Iterator[Fact]:
    services = _OpenAndClosed()
    for each in own_steps:
        service = each.step.service
        if service is None:
            continue
        key = (each.step.org, service)
        if each.type == "service.started":
            services.begin(key, service, each)
        elif each.type == "service.ended":
            services.end(key, each)
            services.closed[service] = each  # an end proves itself, whoever saw the beginning
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
