"""What the front page says of facts: the worst first, each with what to do; and rates as plain division."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.console.front_page_summary import SystemFacts, find_faults, lag_by_topic, summarize_state
from pathline_gateway.status.flow_repository import FailingSinks, ParkedLately
from pathline_gateway.status.throughput import Throughput, ThroughputTotals

STATUS: dict[str, Any] = {"interactions": 7, "lag": 0, "parked": 0, "partitions": []}
WELL = SystemFacts(True, STATUS, 0)


def failing(work: str, records: int, reason: str) -> dict[str, Any]:
    return {"work": work, "records": records, "since": "2026-03-01T09:00:00.000000Z", "reason": reason}


def summary_of(facts: SystemFacts) -> tuple[str, str]:
    return summarize_state(facts, find_faults(facts))


def test_where_nothing_is_wrong_it_says_so_and_nothing_is_to_be_done() -> None:
    assert find_faults(WELL) == []
    assert summary_of(WELL) == ("well", "Everything flows, and nothing waits.")
    assert summary_of(WELL._replace(status=STATUS | {"interactions": 0}))[1].startswith(
        "Ready, and nothing was published yet"
    )


@pytest.mark.parametrize(
    ("facts", "kind", "sentence", "href"),
    [
        (
            WELL._replace(ready=False), "look",
            "Intake has no partitions: it reads nothing that is published.", "#lag",
        ),
        (
            WELL._replace(status=STATUS | {"failing": [failing("hand-offs", 2, "OverflowError")]}), "busy",
            "Hand-offs as they stand: 2 are set aside since 1 Mar 2026, 09:00 UTC (OverflowError).",
            "/console/set-aside",
        ),
        (
            WELL._replace(status=STATUS | {"failing": [failing("webhooks", 0, "database-unavailable")]}), "look",
            "Posting to sinks fails since 1 Mar 2026, 09:00 UTC: database-unavailable.", "/console/set-aside",
        ),
        (WELL._replace(status=STATUS | {"lag": 2_500}), "busy", "Intake is 2,500 events behind.", "#lag"),
        (
            WELL._replace(silent_count=1), "busy",
            "Everything flows. One hand-off is silent: nobody answered in time.", "/console/handoffs",
        ),
        (
            WELL._replace(silent_count=44, unanswered_count=5), "busy",
            "Everything flows. 5 hand-offs are silent: nobody answered in time; "
            "39 hand-offs are unmet: taken on, and nobody met the person in time.", "/console/handoffs",
        ),
        (
            WELL._replace(
                status=STATUS | {"parked": 9},
                parked_lately=[
                    ParkedLately("food-bank", "unknown-organisation", 3), ParkedLately(None, "malformed", 1),
                ],
            ),
            "busy",
            "Everything flows. 4 records are parked in the last hour: Food bank, unknown organisation (3);"
            " nobody who could be told, malformed (1).",
            "/console/parked",
        ),
        (
            WELL._replace(status=STATUS | {"parked": 1}), "busy",
            "Everything flows. One record is parked, none in the last hour.", "/console/parked",
        ),
        (
            WELL._replace(failing_sinks=[FailingSinks("bank", stopped=True, n=2)]), "busy",
            "Everything flows. 2 webhooks are stopped: Bank.", "/console/streams",
        ),
        (
            WELL._replace(failing_sinks=[FailingSinks("bank", stopped=False, n=1)]), "busy",
            "Everything flows. One webhook is failing: Bank.", "/console/streams",
        ),
        (
            WELL._replace(dead_letter_count=3), "busy", "Everything flows. 3 events were given up by webhooks.",
            "/console/streams",
        ),
        (
            WELL._replace(review_count=1), "busy", "Everything flows. One piece of evidence waits for a reviewer.",
            "/console/review",
        ),
    ],
)  # fmt: skip
def test_each_thing_that_is_wrong_is_said_and_leads_to_its_page(
    facts: SystemFacts, kind: str, sentence: str, href: str
) -> None:
    (wrong,) = find_faults(facts)
    assert summary_of(facts) == (kind, sentence)
    assert wrong.href == href
    assert wrong.advice.endswith(".")


def test_what_is_worst_is_said_first_and_the_rest_is_counted() -> None:
    facts = SystemFacts(True, STATUS | {"lag": 5_000, "parked": 1}, 2, (), [FailingSinks("bank", True, 1)], 1, 4)
    assert summary_of(facts) == ("busy", "Intake is 5,000 events behind. And 5 more things to look at, below.")
    assert [each.href for each in find_faults(facts)] == [
        "#lag", "/console/handoffs", "/console/parked", "/console/streams", "/console/streams", "/console/review",
    ]  # fmt: skip


def test_lag_is_summed_over_the_partitions_of_a_topic_and_the_furthest_behind_comes_first() -> None:
    partitions = [
        {"topic": "pathline.in.food-bank", "lag": 2},
        {"topic": "pathline.in.door-1", "lag": 1},
        {"topic": "pathline.in.food-bank", "lag": 3},
    ]
    assert [tuple(each) for each in lag_by_topic({"partitions": partitions})] == [
        ("pathline.in.food-bank", "Food bank", 2, 5),
        ("pathline.in.door-1", "whoever posts to HTTP", 1, 1),
    ]


@given(
    st.lists(st.tuples(st.floats(0.5, 90), *(st.integers(0, 9_999),) * 3), max_size=30),
)
def test_a_rate_is_what_came_within_the_last_minute_over_its_seconds(steps: list[tuple[float, int, int, int]]) -> None:
    rates, at, totals, seen = Throughput(), 1_000.0, ThroughputTotals(5, 5, 5), []
    for seconds, *more in steps:
        at, totals = at + seconds, ThroughputTotals(*(a + b for a, b in zip(totals, more, strict=True)))
        rates.add_sample(at, totals)
        seen.append((at, totals))
    within = [each for each in seen if at - each[0] <= 60]
    now = rates.rates()
    if len(within) < 2:
        assert now is None
        return
    (began, first), (ended, last) = within[0], within[-1]
    assert now is not None
    assert now.seconds == ended - began
    assert now.published == (last.published - first.published) / (ended - began)
    assert now.delivered == (last.delivered - first.delivered) / (ended - began)


def test_a_log_that_was_replaced_flows_with_no_negative_rate() -> None:
    rates = Throughput()
    rates.add_sample(0, ThroughputTotals(900, 900, 900))
    rates.add_sample(5, ThroughputTotals(10, 900, 910))
    now = rates.rates()
    assert now is not None
    assert (now.published, now.applied, now.delivered) == (0, 0, 2)
