"""Whoever invents organisations makes no series of metrics, and nobody makes more than there is room for."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from pathline_gateway.handoffs import telemetry as handoff_telemetry
from pathline_gateway.handoffs.projection_row import HandoffRow
from pathline_gateway.telemetry import instruments as telemetry
from pathline_gateway.telemetry.series_bound import (
    MAX_SERIES,
    METRIC_ATTRIBUTES,
    OTHER,
    BoundedCounter,
    BoundedHistogram,
    MetricSeries,
    mask_unregistered,
)

names = st.sampled_from(["clinic", "housing", "court", "x", "y"])
_OF_HANDOFFS = ("pathline.from", "pathline.to", "pathline.outcome")
attributes = st.fixed_dictionaries({"pathline.from": names, "pathline.to": names, "pathline.outcome": names})

_WAITING = telemetry.ObservedGauge("waiting", unit="{offer}", description="?", attribute_keys=("pathline.to",))


def counted(reader: InMemoryMetricReader) -> dict[tuple[str, ...], float]:
    data = reader.get_metrics_data()
    assert data is not None
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    points = metric.data.data_points
    return {tuple(map(str, (p.attributes or {}).values())): p.value for p in points if isinstance(p, NumberDataPoint)}


def ended(handoff: str, receiver: str) -> HandoffRow:
    said: dict[str, Any] = {"handoff": handoff, "sender": "food-bank", "receiver": receiver, "ended_by": "completed"}
    instants = {"offered_at": datetime(2026, 3, 2, tzinfo=UTC), "ended_at": datetime(2026, 3, 9, tzinfo=UTC)}
    return HandoffRow(**{**dict.fromkeys(HandoffRow._fields), **said, **instants})


@given(st.lists(attributes), st.integers(0, 9))
def test_there_are_no_more_series_than_there_is_room_for_and_nothing_is_left_uncounted(
    told: list[dict[str, str]], most: int
) -> None:
    series = MetricSeries(METRIC_ATTRIBUTES, most)
    within = [dict(series.bound_attributes(each)) for each in told]
    known = {frozenset(each.items()) for each in within if OTHER not in each.values()}
    assert len(known) <= most
    for said, kept in zip(told, within, strict=True):
        assert kept in (said, {**said, "pathline.from": OTHER, "pathline.to": OTHER})
        assert (kept == said) == (frozenset(said.items()) in known)


@given(attributes, st.sets(names))
def test_organisations_that_are_not_on_the_register_are_one(said: dict[str, str], known: set[str]) -> None:
    kept = mask_unregistered(said, known)
    for name in ("pathline.from", "pathline.to"):
        assert kept[name] == (said[name] if said[name] in known else OTHER)
    assert kept["pathline.outcome"] == said["pathline.outcome"]


def test_no_metric_declares_an_attribute_that_the_sdk_would_not_export() -> None:
    assert MetricSeries(METRIC_ATTRIBUTES)
    with pytest.raises(ValueError, match=re.escape("not in METRIC_ATTRIBUTES: pathline.kind")):
        MetricSeries(("pathline.to", "pathline.kind"))


@given(st.lists(st.tuples(attributes, st.integers(1, 9))))
def test_what_a_gauge_does_not_declare_is_left_out_and_no_series_stands_for_another(
    told: list[tuple[dict[str, str], int]],
) -> None:
    _WAITING.replace_all(told)
    expected = Counter[tuple[tuple[str, str], ...]]()
    for said, n in told:
        expected[("pathline.to", said["pathline.to"]),] += n
    assert {series: n for series, n in _WAITING.current_values().items() if n} == expected


def test_what_is_collected_is_bounded() -> None:
    reader = InMemoryMetricReader()
    counter = MeterProvider([reader]).get_meter("test").create_counter("offers")
    bounded = BoundedCounter(counter, attribute_keys=("pathline.to",))
    for n in range(MAX_SERIES + 500):
        bounded.add(1, {"pathline.to": f"invented-{n}"})
    found = counted(reader)
    assert len(found) == MAX_SERIES + 1
    assert found[OTHER,] == 500


def test_every_instrument_of_the_gateway_is_bounded() -> None:
    told = {name: each for name, each in vars(telemetry).items() if name.isupper() and not name.startswith("_")}
    instruments = [each for each in told.values() if hasattr(each, "add") or hasattr(each, "record")]
    assert len(instruments) > 8
    assert all(isinstance(each, BoundedCounter | BoundedHistogram) for each in instruments)


def test_two_thousand_offers_to_invented_organisations_are_one_series(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader]).get_meter("test")
    counter, histogram = meter.create_counter("ended"), MeterProvider().get_meter("test").create_histogram("durations")
    monkeypatch.setattr(handoff_telemetry, "HANDOFFS", BoundedCounter(counter, attribute_keys=_OF_HANDOFFS))
    durations = BoundedHistogram(histogram, attribute_keys=_OF_HANDOFFS)
    monkeypatch.setattr(handoff_telemetry, "HANDOFF_DURATION", durations)

    def tell(record: HandoffRow) -> None:
        said = handoff_telemetry._build_ended_span(record, b"secret")
        assert said is not None
        handoff_telemetry._record(said, {"food-bank", "housing"})

    for n in range(2_000):
        tell(ended(f"food-bank:{n}", f"invented-{n}"))
    tell(ended("food-bank:real", "housing"))
    assert counted(reader) == {
        ("food-bank", OTHER, "completed"): 2_000,
        ("food-bank", "housing", "completed"): 1,
    }
