"""Who may begin with what: pathways in order, and room for those that are quick."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.streams.handed import begun
from pathline_gateway.streams.slots import Slots

LANES = [UUID(int=n) for n in range(3)]
lanes = st.none() | st.sampled_from(LANES)


@given(st.lists(lanes, max_size=8), st.lists(lanes, max_size=3), st.integers(0, 8))
def test_what_is_handed_is_begun_in_order_as_far_as_each_pathway_is_free(
    along: list[UUID | None], busy: list[UUID | None], room: int
) -> None:
    n = begun(along, busy, room)
    found = along[:n]
    taken = [lane for lane in found if lane is not None]
    assert len(taken) == len(set(taken) - {lane for lane in busy if lane is not None})
    assert n == len(found) <= room
    if n < min(room, len(along)):
        stopped = along[n]
        assert stopped is not None
        assert stopped in {*taken, *busy}


@given(st.integers(0, 20), st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.booleans()), max_size=60))
def test_who_has_nothing_on_its_way_finds_room_while_others_hold_more_than_one(
    most: int, moves: list[tuple[int, int, bool]]
) -> None:
    slots, held = Slots(most), [0] * 5
    for who, n, gives_back in moves:
        if gives_back:
            back = min(n, held[who])
            slots.give_back(back)
            held[who] -= back
            continue
        before, got = sum(held), slots.take(n, held[who])
        assert 0 <= got <= n
        assert before + got <= most
        # Beyond the first half there is one for whoever has none, and no more for anybody.
        assert got == 0 or before + got <= most - most // 2 or (got, held[who]) == (1, 0)
        assert got == n or before + got >= most - most // 2
        assert got or n == 0 or held[who] or before == most
        held[who] += got
