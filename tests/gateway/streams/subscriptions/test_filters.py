"""Filters say what the standard's sentences say, and looking many up finds whom asking each would find."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from pathline_gateway.streams.subscriptions import filter_index
from pathline_gateway.streams.subscriptions.filter_formula import Condition, Formula, normalize
from pathline_gateway.streams.subscriptions.filter_index import FilterIndex
from pathline_gateway.streams.subscriptions.filters import ATTRIBUTES, WrongFilter, compile_filters

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
    assert compile_filters(given)(event) == wanted


wishes = st.lists(st.tuples(st.integers(0, 7), st.none() | st.lists(filters, max_size=2)), max_size=24)
"""Subscriptions that are made, changed and, with None, ended, one after the other."""


def lookup_differs(changes: list[tuple[int, list[Any] | None]], told: list[dict[str, str | None]]) -> bool:
    """Whether looking up ever finds others than asking each."""
    matching, known = FilterIndex[int](), dict[int, list[Any]]()
    for key, wanted in changes:
        if wanted is None:
            matching.discard(key)
            known.pop(key, None)
        else:
            matching.add(key, wanted)
            known[key] = wanted
        for event in told:
            right = sorted(key for key, each in known.items() if all(holds(one, event) for one in each))
            if sorted(matching.match(event)) != right:
                return True
    return False


@given(wishes, st.lists(events, max_size=3))
def test_looking_up_finds_whom_asking_each_finds(changes: Any, told: Any) -> None:
    assert not lookup_differs(changes, told)


@given(wishes)
def test_what_nobody_wants_any_more_is_not_kept(changes: Any) -> None:
    matching = FilterIndex[int]()
    for key, wanted in changes:
        if wanted is None:
            matching.discard(key)
        else:
            matching.add(key, wanted)
    for key in range(8):
        matching.discard(key)
    kept = {name: value for name, value in vars(matching).items() if name not in ("_lengths", "__orig_class__")}
    assert not any(kept.values())
    assert not any(matching._lengths.values())


def _deciding_rarest_of_any(of: Formula) -> frozenset[Condition]:
    return min((frozenset((each,)) for each in {*of.positive, *of.negative}), key=str, default=frozenset())


def _not_inward(filters: Any) -> Formula:
    """Forgets that the opposite of an `all` is an `any`."""
    made = normalize(filters)
    return replace(made, parts=tuple(replace(part, is_conjunction=True) for part in made.parts))


PLANTED: dict[str, tuple[object, str, object]] = {
    "one condition of an any is enough to look up": (Formula, "deciding_conditions", _deciding_rarest_of_any),
    "the opposite of an all is an all": (filter_index, "normalize", _not_inward),
    "what holds where nothing does is looked up as well": (
        FilterIndex, "_index", lambda self, wanted: [self._formulas_by_condition.setdefault(c, {}).setdefault(wanted)
                                                  for c in wanted.deciding_conditions()]),
    "suffixes are those of the beginning": (
        FilterIndex, "_true_conditions", lambda self, event: {(d, n, v[:k]) for d, n, v, k in (
            (d, n, event.get(n) or "", k) for d in ("exact", "prefix", "suffix") for n in ATTRIBUTES
            for k in range(1, 4))}),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_the_oracle_finds_planted_faults(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*PLANTED[fault])
    find(
        st.tuples(wishes, st.lists(events, max_size=3)),
        lambda both: lookup_differs(*both),
        settings=settings(max_examples=2_000, database=None, phases=[Phase.generate]),
        random=Random(1),
    )


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
        compile_filters([wrong])
    assert refused.value.path == where
    assert "secret" not in str(refused.value)


def test_no_filter_nests_without_end() -> None:
    deep: Any = {"exact": {"type": "a"}}
    for _ in range(20):
        deep = {"not": deep}
    with pytest.raises(WrongFilter, match="deeper"):
        compile_filters([deep])


def test_nothing_is_asked_of_what_only_its_publisher_may_know() -> None:
    assert "id" not in ATTRIBUTES
    assert "data" not in ATTRIBUTES
