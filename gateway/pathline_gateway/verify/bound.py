"""Which refs the evidence seen puts on which pathway: one pass over all evidence, with births from the store.

Held in memory: the refs that links name, not what stands under them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from pathline_gateway.store import stored

_PAGE = 5_000


@dataclass
class Groups:
    """Refs that grow together link by link, unless evidence tells two of them apart."""

    members: dict[int, list[int]] = field(default_factory=dict)
    """The refs of each group, by the ref that leads it."""
    leader: dict[int, int] = field(default_factory=dict)
    apart: dict[int, set[int]] = field(default_factory=dict)
    """Leaders of groups that must not meet."""

    def separate(self, a: int, b: int) -> None:
        """These two are two persons. Before any `join`."""
        for one, other in ((a, b), (b, a)):
            self.apart.setdefault(self._of(one), set()).add(self._of(other))

    def join(self, a: int, b: int) -> None:
        """These two are one person, if nothing stands against it."""
        large, small = sorted((self._of(a), self._of(b)), key=lambda ref: -len(self.members[ref]))
        if large != small and small not in self.apart.get(large, ()):
            self._merge(large, small)

    def _merge(self, large: int, small: int) -> None:
        for ref in self.members[small]:
            self.leader[ref] = large
        self.members[large] += self.members.pop(small)
        for enemy in self.apart.pop(small, ()):
            self.apart[enemy].discard(small)
            self.apart[enemy].add(large)
            self.apart.setdefault(large, set()).add(enemy)

    def _of(self, ref: int) -> int:
        if ref not in self.leader:
            self.leader[ref], self.members[ref] = ref, [ref]
        return self.leader[ref]


@dataclass(frozen=True)
class Bound:
    """Pathways of several refs; every other ref is a pathway of its own."""

    pathway: dict[int, UUID]
    refs: dict[UUID, list[int]]

    def group(self, ref: int, birth: UUID) -> list[int]:
        """The refs of the pathway with this birth, or none when this ref is on another's."""
        return self.refs.get(birth, []) if ref in self.pathway else [ref]


async def bound(connection: asyncpg.Connection) -> Bound:
    """The pathways of all refs that links name, at this transaction's snapshot."""
    groups = await _groups(connection)
    together = [members for members in groups.members.values() if len(members) > 1]
    found = Bound({}, {})
    for page in _paged(together):
        order = await stored.oldest_first(connection, [ref for members in page for ref in members])
        place = {row["id"]: n for n, row in enumerate(order)}
        for members in page:
            birth = order[min(place[ref] for ref in members)]["birth"]
            found.refs[birth] = sorted(members)
            found.pathway.update(dict.fromkeys(members, birth))
    return found


async def _groups(connection: asyncpg.Connection) -> Groups:
    retracted = {tuple(row) async for row in stored.stream(connection, stored.RETRACTIONS)}
    groups = Groups()
    for statement, take in ((stored.DIFFERENCES, groups.separate), (stored.SAMES, groups.join)):
        async for row in stored.stream(connection, statement):
            if (row["source"], row["id"], row["org"]) not in retracted:
                take(row["a"], row["b"])
    return groups


def _paged(groups: Iterable[list[int]]) -> Iterator[list[list[int]]]:
    page: list[list[int]] = []
    size = 0
    for members in groups:
        page.append(members)
        size += len(members)
        if size >= _PAGE:
            yield page
            page, size = [], 0
    if page:
        yield page
