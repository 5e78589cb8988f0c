"""The state of a hand-off accepts exactly the legal histories, whatever order they come in."""

from __future__ import annotations

import random

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.handoffs.histories import CITIZEN, FROM, ROWS, TO, event, histories
from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import compute_lifecycle


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
