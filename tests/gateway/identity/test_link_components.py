"""Links connect no more than so many refs, and no organisation says more of them than its share; a search agrees."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from pathline_gateway.identity.link_components import Components

REFS = range(12)
Said = tuple[str, int, int]
said = st.tuples(st.sampled_from(["clinic", "housing", "court"]), st.sampled_from(REFS), st.sampled_from(REFS))
links = st.lists(said, max_size=40)
most = st.integers(2, 6)


def around(ref: int, taken: list[Said]) -> set[int]:
    """Whom these links connect with this one."""
    found, before = {ref}, 0
    while len(found) > before:
        before = len(found)
        found |= {y for _, a, b in taken for x, y in ((a, b), (b, a)) if x in found}
    return found


def admitted(told: list[Said], refs: int, each: int) -> list[Said]:
    """The oracle: one link after the other, searched anew each time."""
    taken: list[Said] = []
    for org, a, b in told:
        group = around(a, taken) | around(b, taken)
        of_hers = sum(o == org and x in group for o, x, _ in taken)
        if len(group) <= refs and of_hers < each:
            taken.append((org, a, b))
    return taken


def differs(told: list[Said], refs: int, each: int, cut: int) -> bool:
    """Whether another is admitted than the oracle says, kept and read again after so many."""
    components = Components[int]({}, {})
    taken = [one for one in told[:cut] if components.add_link(*one, refs, each) is None]
    of, stored = dict[int, int](), dict[int, tuple[int, Counter[str]]]()
    for number, component in enumerate(components.with_new_links()):
        of |= dict.fromkeys(component.new_refs, number)
        stored[number] = len(component.new_refs), component.new_links
    again = Components[int](of, stored)
    taken += [one for one in told[cut:] if again.add_link(*one, refs, each) is None]
    kept = all(
        component.refs == len(around(ref, taken)) and component.links == Counter(
            org for org, a, _ in taken if a in around(ref, taken))
        for component in again.with_new_links() for ref in component.new_refs[:1]
    )  # fmt: skip
    return taken != admitted(told, refs, each) or not kept


@given(links, most, most, st.integers(0, 40))
def test_what_is_admitted_is_what_a_search_admits(told: list[Said], refs: int, each: int, cut: int) -> None:
    assert not differs(told, refs, each, cut)


def test_a_forgotten_share_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    join = Components._union

    def forgetful(self: Components[int], one: object, other: object) -> object:
        joined = join(self, one, other)  # type: ignore[arg-type]
        joined.links = Counter(dict(joined.links.most_common(1)))
        return joined

    monkeypatch.setattr(Components, "_union", forgetful)
    asked = st.tuples(links, most, most, st.integers(0, 40))
    generating = settings(max_examples=2_000, database=None, phases=[Phase.generate])
    find(asked, lambda all: differs(*all), settings=generating, random=Random(1))
