"""Filters say what the standard's sentences say, and looking many up finds whom asking each would find."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline_gateway.streams.filters import ATTRIBUTES, WrongFilter, exacts, matcher
from pathline_gateway.streams.matching import Matching

values = st.sampled_from(["a", "b", "ab", "abc"])
names = st.sampled_from(["source", "type", "org", "service"])
events = st.fixed_dictionaries({name: st.none() | values for name in ("source", "type", "org", "service")})
plain = st.tuples(st.sampled_from(["exact", "prefix", "suffix"]), st.dictionaries(names, values, min_size=1)).map(
    lambda pair: {pair[0]: pair[1]}
)
filters = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)).map(lambda p: {p[0]: p[1]}),
        inner.map(lambda one: {"not": one}),
    ),
    max_leaves=6,
)


def holds(one: dict[str, Any], event: dict[str, str | None]) -> bool:
    """The oracle: the sentences of CloudEvents Subscriptions, one by one."""
    ((dialect, said),) = one.items()
    if dialect == "not":
        return not holds(said, event)
    if dialect in ("all", "any"):
        return {"all": all, "any": any}[dialect](holds(each, event) for each in said)
    for name, value in said.items():
        has = event[name]
        if has is None:
            return False
        if not {"exact": has == value, "prefix": has[: len(value)] == value, "suffix": has[-len(value) :] == value}[
            dialect
        ]:
            return False
    return True


@given(st.lists(filters, max_size=3), events)
def test_a_filter_holds_as_the_standard_says(given: list[Any], event: dict[str, str | None]) -> None:
    wanted = all(holds(each, event) for each in given)
    assert matcher(given)(event) == wanted
    if wanted:
        assert exacts(given).items() <= event.items()


@given(st.lists(st.lists(filters, max_size=2), max_size=12), events)
def test_looking_up_finds_whom_asking_each_finds(given: list[list[Any]], event: dict[str, str | None]) -> None:
    found = Matching(enumerate(given)).wanted_by(event)
    assert sorted(found) == [n for n, each in enumerate(given) if all(holds(one, event) for one in each)]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"exakt": {"type": "a"}}, "filters[0]"),
        ({"exact": {"type": "a"}, "prefix": {"type": "a"}}, "filters[0]"),
        ("type", "filters[0]"),
        ({"exact": {}}, "filters[0].exact"),
        ({"exact": {"id": "secret"}}, "filters[0].exact"),
        ({"exact": {"type": ""}}, "filters[0].exact.type"),
        ({"exact": {"type": 7}}, "filters[0].exact.type"),
        ({"exact": {"type": "x" * 3_000}}, "filters[0].exact.type"),
        ({"all": []}, "filters[0].all"),
        ({"any": [{"exact": {"type": "a"}}, {"not": {}}]}, "filters[0].any[1].not"),
        ({"any": [{"exact": {"type": "a"}}] * 300}, "filters[0].any[200].exact"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_and_its_place_named(wrong: Any, where: str) -> None:
    with pytest.raises(WrongFilter) as refused:
        matcher([wrong])
    assert refused.value.where == where
    assert "secret" not in str(refused.value)


def test_no_filter_nests_without_end() -> None:
    deep: Any = {"exact": {"type": "a"}}
    for _ in range(20):
        deep = {"not": deep}
    with pytest.raises(WrongFilter, match="deeper"):
        matcher([deep])


def test_nothing_is_asked_of_what_only_its_publisher_may_know() -> None:
    assert "id" not in ATTRIBUTES
    assert "data" not in ATTRIBUTES
