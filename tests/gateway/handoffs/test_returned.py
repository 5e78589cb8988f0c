"""Which hand-off is sent back: as holding each against each other says, and at the cost of sorting them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.handoffs.deadlines import HandoffStatus
from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import Lifecycle
from pathline_gateway.handoffs.returned import find_returned

START = datetime(2026, 3, 1, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def status(n: int, sender: str, receiver: str | None, offered: int | None, met: int | None) -> HandoffStatus:
    transitions = []
    if offered is not None:
        place = (at(offered), "s", False, "", "i")
        transitions = [HandoffEvent("offered", "s", "i", sender, "v1.x", place, at(offered), receiver, None)]
    life = Lifecycle(f"{sender}:{n}", "requested", receiver, None, transitions)
    return HandoffStatus(life, {}, {}, None, None if met is None else at(met), None, True, (), ())


orgs, minutes = st.sampled_from(["a", "b"]), st.integers(0, 5)
drawn = st.tuples(orgs, st.none() | orgs, st.none() | minutes, st.none() | minutes)


def returned_by_each_other(one: HandoffStatus, statuses: Sequence[HandoffStatus]) -> str | None:
    offered_at, life = one.offered_at, one.lifecycle
    found = [
        (other.offered_at, other.lifecycle.handoff)
        for other in statuses
        if (other.lifecycle.sender, other.lifecycle.receiver) == (life.receiver, life.sender)
        and offered_at is not None
        and other.offered_at is not None
        and other.offered_at <= offered_at
        and other.lifecycle.handoff != life.handoff
        and (other.first_contact is None or other.first_contact > offered_at)
    ]
    return max(found)[1] if found else None


@given(st.lists(drawn, max_size=9))
def test_each_is_held_against_each_other(given: list[tuple[str, str | None, int | None, int | None]]) -> None:
    statuses = [status(n, *each) for n, each in enumerate(given)]
    returned = find_returned(statuses)
    assert {each.lifecycle.handoff: returned.get(each.lifecycle.handoff) for each in statuses} == {
        each.lifecycle.handoff: returned_by_each_other(each, statuses) for each in statuses
    }


class CountedTime(datetime):
    """An instant that knows how often any was compared."""

    compared = 0

    def __le__(self, other: date) -> bool:
        CountedTime.compared += 1
        return super().__le__(other)  # type: ignore[operator]


def test_many_that_go_to_and_fro_are_looked_at_once_each() -> None:
    n = 2_000
    statuses = [status(k, *(("a", "b") if k % 2 else ("b", "a")), k, k + 2) for k in range(n)]
    CountedTime.compared = 0
    offered = [CountedTime.fromtimestamp((START + timedelta(minutes=k)).timestamp(), UTC) for k in range(n)]
    for each, time in zip(statuses, offered, strict=True):
        event = each.lifecycle.transitions[0]
        each.lifecycle.transitions[0] = event._replace(sort_key=(time, *event.sort_key[1:]))
    assert len(find_returned(statuses)) == n - 1
    assert CountedTime.compared < 6 * n
