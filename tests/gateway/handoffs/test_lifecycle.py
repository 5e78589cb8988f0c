"""The state of a hand-off accepts exactly the legal histories, whatever order they come in."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import compute_lifecycle

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


def oracle(events: list[HandoffEvent]) -> tuple[str | None, list[str], list[str]]:
    """State, what moved it, and what was not legal: each is tried at its instant, and at the end of its interval."""
    tries = [(e.time, 1, e.sort_key, e) for e in events] + [(e.end, 0, e.sort_key, e) for e in events if e.end > e.time]
    state, to = None, None
    moved: list[str] = []
    illegal: list[str] = []
    for _, first, _, e in sorted(tries, key=lambda each: each[:3]):
        if e.id in moved:
            continue
        who = {name for name, org in (("from", FROM), ("to", to), ("citizen", CITIZEN)) if org == e.org}
        after = [
            row[1] for row in ROWS if row[0] == e.verb and state in row[2].split(",") and who & set(row[3].split(","))
        ]
        if e.verb == "offered":
            after = ["requested"] if state is None and e.org == FROM else []
        if after:
            state, moved = after[0], [*moved, e.id]
            to = e.receiver if e.verb in ("offered", "redirected") else to
        elif not (first and e.end > e.time):
            illegal.append(e.id)
    return state, moved, illegal


@given(histories(), st.randoms(use_true_random=False))
@example([event("offered", FROM, 60, to=TO), event("accepted", TO, 0, id="a", days=1)], random.Random(1))
def test_exactly_the_legal_histories_move_it_in_any_order(events: list[HandoffEvent], order: random.Random) -> None:
    state, moved, illegal = oracle(events)
    order.shuffle(events)
    found = compute_lifecycle(f"{FROM}:h", events)
    assert (found.state, [e.id for e in found.transitions]) == (state, moved)
    assert sorted(e.id for e in found.anomalies) == sorted(illegal)
    assert len(found.transitions) + len(found.anomalies) == len(events)
