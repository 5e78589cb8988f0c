"""Groups of refs that links connect, whether these bind or not: a link is looked at with its group, which is bounded.

Whoever binds reads a whole group, so a group without end would be work without end for everybody who waits behind it.
One organisation fills no group alone: it has a share of its links. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

Key = TypeVar("Key", bound=Hashable)

Full = Literal["component-refs", "component-links"]
"""Which limit a link would go past."""


@dataclass(eq=False)
class Component(Generic[Key]):
    """Refs that links connect."""

    refs: int
    links: Counter[str]
    """How many links each organisation said among them."""
    stored: set[int] = field(default_factory=set)
    """The numbers under which it is kept: several where it was several."""
    new: list[Key] = field(default_factory=list)
    """Refs that are kept under none yet."""
    said: Counter[str] = field(default_factory=Counter)
    """The links among `links` that are not kept yet."""
    part_of: Component[Key] | None = None
    """What it has become a part of."""


class Components(Generic[Key]):
    """Those that some links are about."""

    def __init__(self, of: Mapping[Key, int], stored: Mapping[int, tuple[int, Mapping[str, int]]]) -> None:
        """`of`: the number of each ref's component, where it has one; `stored`: the refs and links of each."""
        known = {number: Component[Key](refs, Counter(links), {number}) for number, (refs, links) in stored.items()}
        self._of: dict[Key, Component[Key]] = {key: known[number] for key, number in of.items()}

    def link(self, org: str, a: Key, b: Key, most_refs: int, most_links: int) -> Full | None:
        """The link that this organisation said is one of theirs; or which limit is in its way."""
        one, other = self._find(a), self._find(b)
        same = one is other
        if not same and one.refs + other.refs > most_refs:
            return "component-refs"
        if (one.links[org] if same else one.links[org] + other.links[org]) >= most_links:
            return "component-links"
        joined = one if same else self._join(one, other)
        joined.links[org] += 1
        joined.said[org] += 1
        return None

    def changed(self) -> list[Component[Key]]:
        """Those that links were said of."""
        found = {id(each): each for each in map(self._find, self._of)}
        return [each for each in found.values() if each.said]

    def _find(self, key: Key) -> Component[Key]:
        found = self._of.get(key)
        if found is None:
            found = self._of[key] = Component(1, Counter(), new=[key])
        while found.part_of is not None:
            found = found.part_of
        self._of[key] = found
        return found

    def _join(self, one: Component[Key], other: Component[Key]) -> Component[Key]:
        small, large = sorted((one, other), key=lambda each: each.refs)
        large.refs += small.refs
        large.links += small.links
        large.said += small.said
        large.stored |= small.stored
        large.new += small.new
        small.part_of = large
        return large
