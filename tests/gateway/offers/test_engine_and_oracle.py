"""The engine and an oracle that somebody else wrote from the same rules say the same of random pathways and rules."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gateway.offers.generators import facts, instants, pathways, rules, zones
from gateway.offers.random_pairs import PairSource
from support.examples import examples
from support.oracles import eligibility_oracle, engine_adapter

Steps = list[dict[str, Any]]

sensitives = st.frozensets(facts, max_size=1)


@examples(4_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pathways(), instants, zones)
def test_facts_are_the_oracle_s(steps: Steps, now: datetime, zone: ZoneInfo) -> None:
    assert engine_adapter.facts_of(steps, now, zone) == eligibility_oracle.facts_of(steps, now, zone)


def _compare(
    steps: Steps, rule: Any, now: datetime, zone: ZoneInfo, sensitive: frozenset[str], show_sensitive: bool
) -> None:
    asked = (steps, rule, now, zone, sensitive, show_sensitive)
    assert engine_adapter.verdict_of(*asked) == eligibility_oracle.verdict_of(*asked)


@examples(10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pathways(), rules, instants, zones, sensitives, st.booleans())
def test_verdicts_and_what_they_rest_on_are_the_oracle_s(
    steps: Steps, rule: Any, now: datetime, zone: ZoneInfo, sensitive: frozenset[str], show_sensitive: bool
) -> None:
    _compare(steps, rule, now, zone, sensitive, show_sensitive)


@examples(400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pathways(), st.lists(rules, min_size=1, max_size=3), instants, zones)
def test_the_question_is_the_oracle_s(steps: Steps, asked: list[Any], now: datetime, zone: ZoneInfo) -> None:
    offers = [
        {"org": "even", "offer": f"o{n}", "eligibility": rule, "processing_time": None, "channels": None}
        for n, rule in enumerate(asked)
    ]
    assert engine_adapter.ask_next_of(steps, offers, now, zone) == eligibility_oracle.ask_next_of(
        steps, offers, now, zone
    )


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.long if seed else ()) for seed in range(11)])
def test_random_pairs_are_judged_as_the_oracle_does(seed: int) -> None:
    """A thousand pairs, and ten times ten thousand in `make test-long`."""
    source, outcomes = PairSource(Random(seed)), Counter[str]()
    for n in range(10_000 if seed else 1_000):
        steps, rule, now, zone, sensitive, show_sensitive = source.next()
        found = engine_adapter.verdict_of(steps, rule, now, zone, sensitive, show_sensitive)
        expected = eligibility_oracle.verdict_of(steps, rule, now, zone, sensitive, show_sensitive)
        assert found == expected, (n, rule, steps, now, zone)
        assert engine_adapter.facts_of(steps, now, zone) == eligibility_oracle.facts_of(steps, now, zone)
        outcomes[found["verdict"]] += 1
    assert min(outcomes[each] for each in ("available", "not", "could_be")) > 30
