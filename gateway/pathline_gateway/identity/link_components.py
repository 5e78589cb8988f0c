"""Bounds how many refs links may connect, and how many of these links one organisation may make: for intake's budget.

The links of a group need not bind. `link_component_repository.py` stores the groups. Whoever resolves people reads a
whole group. A group without end would be work without end for everybody who waits behind it. One organisation fills no
group alone: it has a share of its links. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

Key = TypeVar("Key", bound=Hashable)

ComponentLimit = Literal["component-refs", "component-links"]
"""Which limit a link would go past."""


@dataclass(eq=False)
class Component(Generic[Key]):
    """Refs that links connect."""

    refs: int
    links: Counter[str]
    """How many links each organisation said among them."""
    stored_numbers: set[int] = field(default_factory=set)
    """The numbers under which it is kept: several where it was several."""
    new_refs: list[Key] = field(default_factory=list)
    """Refs that are kept under none yet."""
    new_links: Counter[str] = field(default_factory=Counter)
    """The links among `links` that are not kept yet."""
    parent: Component[Key] | None = None
    """What it has become a part of."""


class Components(Generic[Key]):
    """Those that some links are about."""

    def __init__(
        self, component_by_ref: Mapping[Key, int], stored: Mapping[int, tuple[int, Mapping[str, int]]]
    ) -> None:
        """`component_by_ref`: the number of each ref's component, where it has one; `stored_numbers`: the refs and
        links of each.
        """
        component_by_number = {
            number: Component[Key](refs, Counter(links), {number}) for number, (refs, links) in stored.items()
        }
        self._component_by_ref: dict[Key, Component[Key]] = {
            key: component_by_number[number] for key, number in component_by_ref.items()
        }

    def add_link(self, org: str, a: Key, b: Key, most_refs: int, most_links: int) -> ComponentLimit | None:
        """The link that this organisation said is one of theirs; or which limit is in its way."""
        first, second = self._find_root(a), self._find_root(b)
        same = first is second
        if not same and first.refs + second.refs > most_refs:
            return "component-refs"
        if (first.links[org] if same else first.links[org] + second.links[org]) >= most_links:
            return "component-links"
        joined = first if same else self._union(first, second)
        joined.links[org] += 1
        joined.new_links[org] += 1
        return None

    def with_new_links(self) -> list[Component[Key]]:
        """Those that have new links."""
        roots = {id(each): each for each in map(self._find_root, self._component_by_ref)}
        return [each for each in roots.values() if each.new_links]

    def _find_root(self, key: Key) -> Component[Key]:
        root = self._component_by_ref.get(key)
        if root is None:
            root = self._component_by_ref[key] = Component(1, Counter(), new_refs=[key])
        while root.parent is not None:
            root = root.parent
        self._component_by_ref[key] = root
        return root

    def _union(self, first: Component[Key], second: Component[Key]) -> Component[Key]:
        small, large = sorted((first, second), key=lambda each: each.refs)
        large.refs += small.refs
        large.links += small.links
        large.new_links += small.new_links
        large.stored_numbers |= small.stored_numbers
        large.new_refs += small.new_refs
        small.parent = large
        return large
