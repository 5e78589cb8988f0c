"""How long something takes, when for some it has not happened yet: Kaplan and Meier's estimate. Pure.

Sources: Kaplan and Meier 1958; variance by Greenwood 1926. Intervals on the log-minus-log scale (Kalbfleisch and
Prentice). Those of quantiles by inverting them (Brookmeyer and Crowley 1982), those of none and of all by Wilson 1927.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

_Z: Final = 1.959963984540054
"""Of a two-sided level of 0.95."""


class Wait(NamedTuple):
    """How long somebody waited, in seconds; and whether what was waited for came, or was only looked for until then."""

    seconds: float
    ended: bool


class Estimate(NamedTuple):
    """A value and its interval at level 0.95; None where it cannot be told."""

    value: float | None
    low: float | None
    high: float | None


class _Point(NamedTuple):
    seconds: float
    share: float
    """Of those who still wait after it."""
    low: float
    high: float


class Survival:
    """The share that still waits, over time."""

    def __init__(self, waits: Iterable[Wait]) -> None:
        ordered = sorted(waits)
        self.n = len(ordered)
        self.ended = sum(wait.ended for wait in ordered)
        self._points = _survival_points(ordered)
        self._max_seconds = ordered[-1].seconds if ordered else 0.0
        self._seconds = [wait.seconds for wait in ordered]

    def survival_at(self, seconds: float) -> Estimate:
        """The share that still waits then; unknown where nobody was looked at for so long and some still waited."""
        points = [point for point in self._points if point.seconds <= seconds]
        share = points[-1].share if points else 1.0
        if self.n == 0 or (seconds > self._max_seconds and share > 0):
            return Estimate(None, None, None)
        if share >= 1:
            looked_at = self.n - bisect_left(self._seconds, seconds)
            return Estimate(1.0, 1 - _wilson_margin(looked_at), 1.0)
        if share <= 0:
            return Estimate(0.0, 0.0, _wilson_margin(self.n))
        return Estimate(share, points[-1].low, points[-1].high)

    def quantile(self, share: float) -> Estimate:
        """The time after which this share no longer waits; unknown where so many have not come to an end."""

        def first_below(values: Sequence[tuple[float, float]]) -> float | None:
            return next((seconds for seconds, remaining in values if remaining <= 1 - share + 1e-12), None)

        return Estimate(
            first_below([(p.seconds, p.share) for p in self._points]),
            first_below([(p.seconds, p.low) for p in self._points]),
            first_below([(p.seconds, p.high) for p in self._points]),
        )


def _survival_points(ordered: Sequence[Wait]) -> list[_Point]:
    """After each instant at which something ended."""
    points: list[_Point] = []
    share, greenwood_sum, at_risk, index = 1.0, 0.0, len(ordered), 0
    while index < len(ordered):
        seconds, ended, next_index = ordered[index].seconds, 0, index
        while next_index < len(ordered) and ordered[next_index].seconds == seconds:
            ended += ordered[next_index].ended
            next_index += 1
        if ended:
            share *= 1 - ended / at_risk
            if at_risk > ended:
                greenwood_sum += ended / (at_risk * (at_risk - ended))
            points.append(_Point(seconds, share, *_confidence_interval(share, greenwood_sum)))
        at_risk -= next_index - index
        index = next_index
    return points


def _wilson_margin(n: int) -> float:
    """How far the share of n may be from 0 where it is 0, or from 1 where it is 1."""
    return _Z**2 / (n + _Z**2)


def _confidence_interval(share: float, greenwood_sum: float) -> tuple[float, float]:
    if share <= 0:
        return 0.0, 0.0
    if share >= 1:
        return 1.0, 1.0
    theta = _Z * math.sqrt(greenwood_sum) / math.log(share)
    low, high = sorted((share ** math.exp(theta), share ** math.exp(-theta)))
    return low, high
