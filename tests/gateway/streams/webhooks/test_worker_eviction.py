"""Lines are shared: whoever has few of them comes first, and nobody keeps one for ever while others wait."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.streams.webhooks.worker_eviction import MIN_RUN_S, choose_workers_to_stop, max_workers_per_org

NOW = 1_000.0
orgs = st.sampled_from(["clinic", "housing", "court", "school"])


@dataclass(eq=False)
class Line:
    org: str
    started_at: float
    is_stopping: bool


lines = st.lists(st.builds(Line, orgs, st.floats(NOW - 2 * MIN_RUN_S, NOW), st.booleans()), max_size=30)
due = st.dictionaries(orgs, st.integers(1, 9))


@given(lines, due, st.integers(1, 12))
def test_what_ends_is_for_somebody_who_waits_and_has_fewer(
    held: list[Line], waiting: dict[str, int], most_of_each: int
) -> None:
    most = len(held)
    ending = choose_workers_to_stop(held, waiting, most, most_of_each, NOW)
    assert len(ending) == len(set(map(id, ending)))
    assert not any(line.is_stopping for line in ending)
    had, staying = (Counter(line.org for line in held if every or not line.is_stopping) for every in (True, False))
    for line in ending:
        own = waiting.get(line.org, 0) and had[line.org] >= most_of_each and NOW - line.started_at >= MIN_RUN_S
        fewer = any(staying[org] < staying[line.org] for org in waiting)
        assert own or fewer
    assert len(ending) <= sum(waiting.values())


def test_a_line_that_ends_for_another_organisation_is_passed_on_where_a_third_has_fewer() -> None:
    held = [Line(org, NOW, False) for org in ("housing", "school", *["clinic"] * 7)]
    assert {line.org for line in choose_workers_to_stop(held, {"housing": 3, "school": 2}, 9, 4, NOW)} == {"clinic"}


@given(lines, orgs, st.integers(1, 9))
def test_whoever_has_none_gets_one_where_anybody_has_two(held: list[Line], org: str, n: int) -> None:
    held = [line for line in held if line.org != org and not line.is_stopping]
    ending = choose_workers_to_stop(held, {org: n}, len(held), 100, NOW)
    assert bool(ending) == (max_workers_per_org(held) > 1)


def test_an_organisation_with_all_that_it_may_have_lets_its_own_take_turns() -> None:
    old, young = [[Line("clinic", NOW - age, False) for _ in range(3)] for age in (MIN_RUN_S, 0.0)]
    other = Line("housing", NOW - 9 * MIN_RUN_S, False)
    assert choose_workers_to_stop([*old, *young, other], {"clinic": 2}, 100, 6, NOW) == old[:2]
    assert choose_workers_to_stop([*young, other], {"clinic": 2}, 100, 3, NOW) == []
