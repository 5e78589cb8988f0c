"""A bound on the series of each metric: whoever names many organisations takes none from the others.

The SDK keeps 2,000 sets of attributes of a metric, and throws all later ones together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from opentelemetry.metrics import Counter, Histogram

OTHER: Final = "other"
"""Stands for organisations that are not on the register, and for all that there is no room for."""
METRIC_ATTRIBUTES: Final = (
    "pathline.outcome",
    "pathline.reason",
    "pathline.pull",
    "pathline.work",
    "pathline.organisation",
    "pathline.from",
    "pathline.to",
    "pathline.limit",
    "pathline.process",
)
"""The attributes that metrics may carry; each has a small, known set of values. The SDK exports no other."""
ORGANISATION_ATTRIBUTES: Final = ("pathline.organisation", "pathline.from", "pathline.to")
"""The attributes that name one: all others have few values, which are ours."""
MAX_SERIES: Final = 1_500
"""Series of one metric, and a few more in which the organisations are `other`: fewer than the SDK keeps."""

Attributes = Mapping[str, str]


def mask_unregistered(attributes: Attributes, known_orgs: Collection[str]) -> dict[str, str]:
    """The same with `other` for organisations that are not known."""
    return {
        name: OTHER if name in ORGANISATION_ATTRIBUTES and value not in known_orgs else value
        for name, value in attributes.items()
    }


class MetricSeries:
    """Those of one metric that there are. Raises ValueError where it declares an attribute that no metric may carry."""

    def __init__(self, attribute_keys: Collection[str], max_series: int = MAX_SERIES) -> None:
        if unknown := set(attribute_keys) - set(METRIC_ATTRIBUTES):
            raise ValueError(f"not in METRIC_ATTRIBUTES: {', '.join(sorted(unknown))}")
        self._attribute_keys = frozenset(attribute_keys)
        self._max_series = max_series
        self._known_series = set[tuple[tuple[str, str], ...]]()

    def bound_attributes(self, attributes: Attributes) -> Attributes:
        """These attributes, where there is room for their series; else those of all that there is no room for.

        What the metric does not declare is left out.
        """
        series = tuple(sorted(attributes.items()))
        if series in self._known_series:
            return attributes
        if not attributes.keys() <= self._attribute_keys:
            # No work ends because of its metric. Left out here, equal series add up; left out by the SDK, the last
            # one of a gauge would stand for all of them.
            return self.bound_attributes({key: attributes[key] for key in attributes if key in self._attribute_keys})
        if len(self._known_series) >= self._max_series:
            return mask_unregistered(attributes, ())
        self._known_series.add(series)
        return attributes


class BoundedCounter:
    """A counter with no more series than there is room for."""

    def __init__(self, counter: Counter, *, attribute_keys: Collection[str]) -> None:
        self._counter, self._series = counter, MetricSeries(attribute_keys)

    def add(self, n: float, attributes: Attributes) -> None:
        """Adds so many."""
        self._counter.add(n, self._series.bound_attributes(attributes))


class BoundedHistogram:
    """A histogram with no more series than there is room for."""

    def __init__(self, histogram: Histogram, *, attribute_keys: Collection[str]) -> None:
        self._histogram, self._series = histogram, MetricSeries(attribute_keys)

    def record(self, value: float, attributes: Attributes | None = None) -> None:
        """One that was so large."""
        self._histogram.record(value, self._series.bound_attributes(attributes or {}))
