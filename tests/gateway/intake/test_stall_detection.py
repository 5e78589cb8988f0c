"""What an intake that does not move needs, and when no traffic should come to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pathline_gateway.intake.stall_detection import IntakeVitals, RecoveryAction, choose_recovery, readiness_problem

WELL = IntakeVitals(stalled_s=0, database_failing_s=0, busy=False, since_repositioned_s=1000, since_built_s=1000)


def _seen(**what: Any) -> IntakeVitals:
    return replace(WELL, **what)


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (WELL, RecoveryAction.NOTHING),
        (_seen(stalled_s=2.9), RecoveryAction.NOTHING),
        (_seen(stalled_s=3.1), RecoveryAction.REPOSITION),
        (_seen(stalled_s=10, since_repositioned_s=5), RecoveryAction.NOTHING),
        (_seen(stalled_s=25), RecoveryAction.REBUILD),
        (_seen(stalled_s=25, since_built_s=15), RecoveryAction.REPOSITION),
        (_seen(stalled_s=300, busy=True), RecoveryAction.NOTHING),
        (_seen(stalled_s=300, database_failing_s=300), RecoveryAction.NOTHING),
    ],
    ids=["well", "a moment", "stalled", "just looked", "dead", "just rebuilt", "busy", "database away"],
)
def test_a_stall_is_looked_into_and_then_the_consumer_replaced_but_not_while_postgres_is_waited_for(
    seen: IntakeVitals, wanted: RecoveryAction
) -> None:
    assert choose_recovery(seen) is wanted


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (WELL, None),
        (_seen(stalled_s=29), None),
        (_seen(stalled_s=31), "intake-stalled"),
        (_seen(database_failing_s=31, stalled_s=31), "database-unavailable"),
    ],
)
def test_traffic_is_taken_away_for_a_reason(seen: IntakeVitals, reason: str | None) -> None:
    why = readiness_problem(seen)
    assert (why and why[0]) == reason
