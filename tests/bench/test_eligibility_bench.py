"""The benchmark of eligibility judges offers of every outcome."""

from __future__ import annotations

from datetime import UTC

import pytest

from bench import eligibility
from bench.report import GOALS
from pathline_gateway.offers.knowledge import build_knowledge

pytestmark = pytest.mark.bench


def test_a_twentieth_of_the_offers_or_more_has_each_outcome() -> None:
    offers, steps = eligibility.sample(1_000)
    known = build_knowledge(steps, eligibility.NOW, UTC)
    outcomes = [offer.judge(known) for offer in offers]
    assert min(outcomes.count(each) for each in (True, False, None)) >= 50


def test_the_report_has_its_figure() -> None:
    assert eligibility.measure(50).keys() >= GOALS.keys() & {"eligibility_per_s"}
