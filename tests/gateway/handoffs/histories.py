"""Histories of one hand-off: the legal ones, by the table of the vocabulary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from pathline_gateway.handoffs.event import HandoffEvent

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
FROM, TO, OTHER, CITIZEN = "north", "south", "east", "citizen"


# The table of the vocabulary: verb, state after, states before, who.
TABLE = """
seen       received     requested                                                     to
accepted   accepted     requested,received                                            to
declined   rejected     requested,received                                            to
redirected requested    requested,received                                            to
redirected requested    rejected                                                      from,to
started    in-progress  accepted,on-hold                                              to
paused     on-hold      accepted,in-progress                                          to
resumed    in-progress  on-hold                                                       to
completed  completed    accepted,in-progress,on-hold                                  to
failed     failed       accepted,in-progress,on-hold                                  to
cancelled  cancelled    requested,received,accepted,in-progress,on-hold,rejected      from,citizen
expired    cancelled    requested,received                                            from
"""


ROWS = [line.split() for line in TABLE.strip().splitlines()]
VERBS = sorted({row[0] for row in ROWS} | {"offered"})


def event(verb: str, org: str, minutes: int, *, id: str = "e", days: int = 0, to: str | None = None) -> HandoffEvent:
    time = BEGIN + timedelta(minutes=minutes)
    order = (time, f"urn:pathline:{org}:x", False, "", id)
    return HandoffEvent(verb, order[1], id, org, "v1.x", order, time + timedelta(days=days), to, None)


@st.composite
def histories(draw: st.DrawFn) -> list[HandoffEvent]:
    """Mostly what may happen, in few instants, some of it known to the day only."""
    found = []
    for n in range(draw(st.integers(0, 9))):
        verb = "offered" if n == 0 and draw(st.booleans()) else draw(st.sampled_from(VERBS))
        usual = FROM if verb in ("offered", "cancelled", "expired") else TO
        org = usual if draw(st.integers(0, 4)) else draw(st.sampled_from([FROM, TO, OTHER, CITIZEN]))
        to = draw(st.sampled_from([TO, TO, TO, OTHER])) if verb in ("offered", "redirected") else None
        minutes, days = draw(st.integers(0, 2_000)), draw(st.sampled_from([0, 0, 0, 1]))
        found.append(event(verb, org, minutes, id=str(n), days=days, to=to))
    return found
