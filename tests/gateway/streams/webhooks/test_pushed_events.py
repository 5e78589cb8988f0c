"""Who may begin with what: pathways in order, and room for those that are quick."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.streams.webhooks.concurrency import ConcurrencyLimiter
from pathline_gateway.streams.webhooks.pushed_events import startable_prefix

LANES = [UUID(int=n) for n in range(3)]
lanes = st.none() | st.sampled_from(LANES)


@given(st.lists(lanes, max_size=8), st.lists(lanes, max_size=3), st.integers(0, 8))
def test_what_is_handed_is_begun_in_order_as_far_as_each_pathway_is_free(
    along: list[UUID | None], busy: list[UUID | None], room: int
) -> None:
    n = startable_prefix(along, busy, room)
    found = along[:n]
    taken = [lane for lane in found if lane is not None]
    assert len(taken) == len(set(taken) - {lane for lane in busy if lane is not None})
    assert n == len(found) <= room
    if n < min(room, len(along)):
        stopped = along[n]
        assert stopped is not None
        assert stopped in {*taken, *busy}


ORGS = ("clinic", "clinic", "clinic", "housing", "housing", "court")
"""Whose each of six sinks is."""
moves = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.booleans()), max_size=60)


@given(st.integers(0, 20), moves)
def test_no_organisation_has_more_than_are_left_but_one_for_each_sink_that_has_none(
    most: int, moves: list[tuple[int, int, bool]]
) -> None:
    slots, held = ConcurrencyLimiter(most), [0] * len(ORGS)
    for who, n, gives_back in moves:
        if gives_back:
            back = min(n, held[who])
            slots.release(back, ORGS[who])
            held[who] -= back
            continue
        mine = sum(some for some, org in zip(held, ORGS, strict=True) if org == ORGS[who])
        before, got = sum(held), slots.acquire(n, held[who], ORGS[who])
        left = most - before - got
        assert 0 <= got <= n
        assert left >= 0
        assert got == 0 or mine + got <= left + 1 or ((got, held[who]) == (1, 0) and mine < 3 * (left + 1))
        # Whoever has nothing finds something, while there is anything at all.
        assert got or n == 0 or mine or before == most
        assert got == n or got or mine >= most - before or before == most
        held[who] += got


@given(st.integers(8, 200), st.lists(st.integers(1, 9), max_size=300))
def test_one_organisation_alone_leaves_a_quarter_to_the_others_whatever_it_takes(most: int, wanted: list[int]) -> None:
    slots = ConcurrencyLimiter(most)
    taken = sum(slots.acquire(n, 0, "clinic") for n in wanted)
    assert most - taken >= most // 4
    assert slots.acquire(1, 0, "housing") == 1
