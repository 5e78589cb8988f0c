"""How well hand-offs join services up: completion, latency, leakage and silence, over many of them. Pure.

A hand-off that is not finished is censored, not failed: what has not happened yet is waited for up to now. One that
ended without what is measured never gets it, and is waited for as long as there is to look.
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
    heard: datetime | None
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
    of: Callable[[Sequence[Handoff], datetime, timedelta], list[Value]]


def _waits(
    handoffs: Iterable[Handoff],
    begins: Callable[[Handoff], datetime | None],
    comes: Callable[[Handoff], datetime | None],
    now: datetime,
) -> Iterator[Wait]:
    for each in handoffs:
        began, came = begins(each), comes(each)
        if began is None:
            continue
        until = (each.until or now) if came is None else came
        yield Wait(max(0.0, (until - began).total_seconds()), came is not None)


def _offered(each: Handoff) -> datetime:
    return each.offered


def _completion(handoffs: Sequence[Handoff], now: datetime, within: timedelta) -> list[Value]:
    served = Survival(_waits(handoffs, _offered, lambda h: h.first_service, now))
    return [Value("completed", served.n, _rest(served.waiting_after(within.total_seconds())))]


def _latency(handoffs: Sequence[Handoff], now: datetime, _: timedelta) -> list[Value]:
    found = []
    for name, comes in (("acceptance", _accepted), ("first_contact", _contacted)):
        # Of one that ended without it nobody can say how long it would have taken.
        waits = (
            Wait((each.ended - each.offered).total_seconds(), False)
            if comes(each) is None and each.ended is not None
            else wait
            for each in handoffs
            for wait in _waits((each,), _offered, comes, now)
        )
        survival = Survival(waits)
        found += [Value(f"{name}_median", survival.n, survival.quantile(0.5))]
        found += [Value(f"{name}_p90", survival.n, survival.quantile(0.9))]
    return found


def _leakage(handoffs: Sequence[Handoff], now: datetime, within: timedelta) -> list[Value]:
    found = []
    for (_, begins), (name, comes) in pairwise(_STAGES):
        survival = Survival(_waits(handoffs, begins, comes, now))
        found.append(Value(name, survival.n, survival.waiting_after(within.total_seconds())))
    return found


def _silence(handoffs: Sequence[Handoff], now: datetime, within: timedelta) -> list[Value]:
    heard = Survival(_waits(handoffs, _offered, lambda h: h.heard, now))
    return [Value("silent", heard.n, heard.waiting_after(within.total_seconds()))]


def _accepted(each: Handoff) -> datetime | None:
    return each.accepted


def _contacted(each: Handoff) -> datetime | None:
    return each.first_contact


_STAGES: Final[Sequence[tuple[str, Callable[[Handoff], datetime | None]]]] = (
    ("offered", _offered),
    ("accepted", _accepted),
    ("contacted", _contacted),
    ("served", lambda each: each.first_service),
    ("completed", lambda each: each.ended if each.completed else None),
)


def _rest(share: Estimate) -> Estimate:
    def rest(value: float | None) -> float | None:
        return None if value is None else 1 - value

    return Estimate(rest(share.value), rest(share.high), rest(share.low))


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
            _completion,
        ),
        Measure(
            2,
            "handoff-latency",
            "How long an answer and a first contact take",
            "s",
            "median and 0.9 quantile of accepted - offered, and of first contact - offered (Kaplan-Meier)",
            "the two-business-day rule of referral networks",
            _latency,
        ),
        Measure(
            3,
            "handoff-leakage",
            "Where hand-offs are lost",
            "share",
            "S(D) of each stage since the one before: offered, accepted, contacted, served, completed (Kaplan-Meier)",
            "survival analysis",
            _leakage,
        ),
        Measure(
            4,
            "handoff-silence",
            "Hand-offs of which nothing was heard",
            "share",
            "S(D) of the time from the offer to the receiver's first interaction of any kind (Kaplan-Meier)",
            "evaluation of the Orange Door: clients who were missed",
            _silence,
        ),
    )
}
"""By name."""

SMALLEST: Final = 10
"""Cells of fewer are not shown to those who may not see them."""


def cells(
    measure: Measure, handoffs: Sequence[Handoff], now: datetime, within: timedelta
) -> dict[tuple[str, str], list[Value]]:
    """The same for each pair of organisations."""
    pairs: dict[tuple[str, str], list[Handoff]] = {}
    for each in handoffs:
        pairs.setdefault((each.sender, each.receiver), []).append(each)
    return {pair: measure.of(pairs[pair], now, within) for pair in sorted(pairs)}
