"""What lines hold of the requests that may be on their way: never more than there are, and nothing once they end."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.streams.webhooks.concurrency import ConcurrencyLimiter
from pathline_gateway.streams.webhooks.lookahead import Lookahead
from pathline_gateway.streams.webhooks.worker_slots import WorkerSlots


@dataclass
class Held:
    """What the oracle says of one line."""

    reserved: int = 0
    on_way: int = 0


Move = tuple[int, str, int]
moves = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(("reserve", "release", "begin", "end")), st.integers(0, 9)),
    max_size=80,
)


@given(st.integers(0, 20), moves)
def test_nothing_is_held_twice_and_nothing_is_lost(most: int, made: list[Move]) -> None:
    slots = ConcurrencyLimiter(most)
    shares, held = (
        [WorkerSlots(slots, org) for org in ("clinic", "clinic", "housing", "court")],
        [Held() for _ in range(4)],
    )
    for who, what, n in made:
        share, known = shares[who], held[who]
        match what:
            case "reserve":
                known.reserved = share.reserve(n)
                assert known.reserved <= n
            case "release":
                known.reserved = min(n, known.reserved)
                share.release(keep=known.reserved)
            case "begin":
                n = min(n, known.reserved)
                share.start(n)
                known.reserved, known.on_way = 0, known.on_way + n
            case "end":
                n = min(n, known.on_way)
                share.finish(n)
                known.on_way -= n
        assert sum(each.reserved + each.on_way for each in held) <= most
    for share, known in zip(shares, held, strict=True):
        share.release()
        share.finish(known.on_way)
    assert slots.acquire(most, 1, "clinic") == most - most // 2


@given(
    st.integers(0, 64), st.lists(st.tuples(st.integers(-3, 80), st.integers(0, 8), st.integers(0, 99), st.booleans()))
)
def test_a_line_looks_far_once_what_is_near_waits_and_near_again_when_it_begins_with_all(
    most: int, looks: list[tuple[int, int, int, bool]]
) -> None:
    reach, far = Lookahead(most), False
    for begun, free, waits, has_room in looks:
        ahead, near = reach.resize(begun, free), min(most, max(0, begun) + free + 4)
        assert ahead == reach.window_size == (most if far else near)
        was, far = far, has_room and waits > near
        assert reach.should_extend(waits, has_room=has_room) == (far and not was)
