"""What an intake that does not move needs, and when no traffic should come to it."""

from __future__ import annotations

import pytest

from pathline_gateway.intake.watch import Need, Seen, need, not_ready

WELL = Seen(stalled_s=0, database_failing_s=0, busy=False, since_stood_s=1000, since_built_s=1000)


def _seen(**what: object) -> Seen:
    return Seen(**{name: what.get(name, getattr(WELL, name)) for name in Seen.__dataclass_fields__})


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (WELL, Need.NOTHING),
        (_seen(stalled_s=2.9), Need.NOTHING),
        (_seen(stalled_s=3.1), Need.STAND_AGAIN),
        (_seen(stalled_s=10, since_stood_s=5), Need.NOTHING),
        (_seen(stalled_s=25), Need.REBUILD),
        (_seen(stalled_s=25, since_built_s=15), Need.STAND_AGAIN),
        (_seen(stalled_s=300, busy=True), Need.NOTHING),
        (_seen(stalled_s=300, database_failing_s=300), Need.NOTHING),
    ],
    ids=["well", "a moment", "stalled", "just looked", "dead", "just rebuilt", "busy", "database away"],
)
def test_a_stall_is_looked_into_and_then_the_consumer_replaced_but_not_while_postgres_is_waited_for(
    seen: Seen, wanted: Need
) -> None:
    assert need(seen) is wanted


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (WELL, None),
        (_seen(stalled_s=29), None),
        (_seen(stalled_s=31), "intake-stalled"),
        (_seen(database_failing_s=31, stalled_s=31), "database-unavailable"),
    ],
)
def test_traffic_is_taken_away_for_a_reason(seen: Seen, reason: str | None) -> None:
    why = not_ready(seen)
    assert (why and why[0]) == reason
