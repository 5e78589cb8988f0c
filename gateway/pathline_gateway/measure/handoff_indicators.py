"""How well hand-offs join services up: completion, latency, leakage and silence, over many of them. Pure.

A hand-off that is not finished is censored, not failed: its wait lasts up to now. One that ended without the measured
event never gets it: its wait lasts as long as anybody looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from pathline_gateway.measure.survival import Estimate, Survival, Wait

_DAY: Final = 86_400.0


class Handoff(NamedTuple):
    """What is looked at of a hand-off whose receiver is here."""

    sender: str
    receiver: str
    offered: datetime
    accepted: datetime | None
    first_contact: datetime | None
    first_service: datetime | None
    first_heard: datetime | None
    ended: datetime | None
    completed: bool
    until: datetime | None = None
    """Up to when it was looked at; None: up to now."""


class Value(NamedTuple):
    """One figure: of how many hand-offs, with its interval."""

    name: str
    n: int
    estimate: Estimate


class Measure(NamedTuple):
    """A figure that is published, and where it comes from."""

    number: int
    """In Pathline's list of indicators."""
    name: str
    title: str
    unit: str
    formula: str
    source: str
    compute: Callable[[Sequence[Handoff], datetime, timedelta], list[Value]]


def _build_waits(
    handoffs: Iterable[Handoff],
    start_of: Callable[[Handoff], datetime | None],
    end_of: Callable[[Handoff], datetime | None],
    now: datetime,
) -> Iterator[Wait]:
    for each in handoffs:
        start, end = start_of(each), end_of(each)
        if start is None:
            continue
        until = (each.until or now) if end is None else end
        yield Wait(max(0.0, (until - start).total_seconds()), end is not None)


def _offered_at(each: Handoff) -> datetime:
    return each.offered


def _compute_completion(handoffs: Sequence[Handoff], now: datetime, within: timedelta) -> list[Value]:
    survival = Survival(_build_waits(handoffs, _offered_at, lambda h: h.first_service, now))
    return [Value("completed", survival.n, _complement(survival.survival_at(within.total_seconds())))]


def _compute_latency(handoffs: Sequence[Handoff], now: datetime, _: timedelta) -> list[Value]:
    values = []
    for name, end_of in (("acceptance", _accepted_at), ("first_contact", _first_contact_at)):
        # Of one that ended without it nobody can say how long it would have taken.
        waits = (
            Wait((each.ended - each.offered).total_seconds(), False)
            if end_of(each) is None and each.ended is not None
            else wait
            for each in handoffs
            for wait in _build_waits((each,), _offered_at, end_of, now)
        )
        survival = Survival(waits)
        values += [Value(f"{name}_median", survival.n, survival.quantile(0.5))]
        values += [Value(f"{name}_p90", survival.n, survival.quantile(0.9))]
    return values


def _compute_leakage(handoffs: Sequence[Handoff], now: datetime, within: timedelta) -> list[Value]:
    values = []
    for (_, start_of), (name, end_of) in pairwise(_STAGES):
        survival = Survival(_build_waits(handoffs, start_of, end_of, now))
        values.append(Value(f"not_{name}", survival.n, survival.survival_at(within.total_seconds())))
    return values


def _compute_silence(handoffs: Sequence[Handoff], now: datetime, within: timedelta) -> list[Value]:
    survival = Survival(_build_waits(handoffs, _offered_at, lambda h: h.first_heard, now))
    return [Value("silent", survival.n, survival.survival_at(within.total_seconds()))]


def _accepted_at(each: Handoff) -> datetime | None:
    return each.accepted


def _first_contact_at(each: Handoff) -> datetime | None:
    return each.first_contact


_STAGES: Final[Sequence[tuple[str, Callable[[Handoff], datetime | None]]]] = (
    ("offered", _offered_at),
    ("accepted", _accepted_at),
    ("contacted", _first_contact_at),
    ("served", lambda each: each.first_service),
    ("completed", lambda each: each.ended if each.completed else None),
)


def _complement(share: Estimate) -> Estimate:
    def complement_of(value: float | None) -> float | None:
        return None if value is None else 1 - value

    return Estimate(complement_of(share.value), complement_of(share.high), complement_of(share.low))


MEASURES: Final = {
    each.name: each
    for each in (
        Measure(
            1,
            "handoff-completion",
            "Hand-offs that reached a service",
            "share",
            "1 - S(D) of the time from the offer to the receiver's first service (Kaplan-Meier)",
            "closed-loop referral (Gravity SDOH)",
            _compute_completion,
        ),
        Measure(
            2,
            "handoff-latency",
            "How long an answer and a first contact take",
            "s",
            "median and 0.9 quantile of accepted - offered, and of first contact - offered (Kaplan-Meier)",
            "the two-business-day rule of referral networks",
            _compute_latency,
        ),
        Measure(
            3,
            "handoff-leakage",
            "Where hand-offs are lost",
            "share",
            "S(D) of not_accepted, not_contacted, not_served, not_completed, each since the one before (Kaplan-Meier)",
            "survival analysis",
            _compute_leakage,
        ),
        Measure(
            4,
            "handoff-silence",
            "Hand-offs of which nothing was heard",
            "share",
            "S(D) of the time from the offer to the receiver's first interaction of any kind (Kaplan-Meier)",
            "evaluation of the Orange Door: clients who were missed",
            _compute_silence,
        ),
    )
}
"""By name."""

MIN_CELL_SIZE: Final = 10
"""Cells of fewer are not shown to those who may not see them."""


def values_by_pair(
    measure: Measure, handoffs: Sequence[Handoff], now: datetime, within: timedelta
) -> dict[tuple[str, str], list[Value]]:
    """The same for each pair of organisations."""
    pairs: dict[tuple[str, str], list[Handoff]] = {}
    for each in handoffs:
        pairs.setdefault((each.sender, each.receiver), []).append(each)
    return {pair: measure.compute(pairs[pair], now, within) for pair in sorted(pairs)}
