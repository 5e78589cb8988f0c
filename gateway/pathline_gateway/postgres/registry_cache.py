"""What a process remembers of the register."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final

_MAX_KINDS: Final = 50_000
"""Kinds of step whose numbers are remembered; a publisher may have any number of them."""
_MAX_REMEMBERED: Final = 50_000
"""Hand-offs and records of which events are counted."""


Kind = tuple[str | None, ...]
"""What steps of one kind have in common."""


@dataclass
class RegistryCache:
    """What a process remembers of the register: rows that are committed, and so never change their numbers."""

    orgs: set[str] = field(default_factory=set)
    sources: dict[str, int] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    source_names: dict[int, str] = field(default_factory=dict)
    type_names: dict[int, str] = field(default_factory=dict)
    kinds: dict[Kind, int] = field(default_factory=dict)
    """Numbers of kinds of step, by what such steps have in common."""
    kind_by_number: dict[int, Kind] = field(default_factory=dict)
    unknown_orgs: dict[str, float] = field(default_factory=dict)
    """Organisations that were not on the register, and when that was: by the clock that only counts seconds."""
    handoff_event_counts: Counter[Hashable] = field(default_factory=Counter)
    """How many events came since the process began: by hand-off and who published."""
    ref_event_counts: Counter[Hashable] = field(default_factory=Counter)
    """How many that name a hand-off: by record."""

    def count_handoff_event(self, party: Hashable, kept_above: int) -> int:
        """How many events this party has sent of this hand-off by now; see `_count`."""
        return _count(self.handoff_event_counts, party, kept_above)

    def count_ref_event(self, ref: Hashable, kept_above: int) -> int:
        """How many events of hand-offs came under this record by now; see `_count`."""
        return _count(self.ref_event_counts, ref, kept_above)

    def learn(self, other: RegistryCache) -> None:
        """Remembers rows that are committed."""
        self.orgs |= other.orgs
        self.sources |= other.sources
        self.types |= other.types
        if len(self.kinds) > _MAX_KINDS:
            self.kinds.clear()
        self.kinds |= other.kinds

    def remember_kinds(self, kinds: Mapping[int, Kind], wanted: Collection[int]) -> None:
        """Remembers kinds that are committed; where there are too many, only these and those that are wanted now."""
        if len(self.kind_by_number) > _MAX_KINDS:
            self.kind_by_number = {n: kind for n, kind in self.kind_by_number.items() if n in wanted}
        self.kind_by_number |= kinds


def _count(counts: Counter[Hashable], key: Hashable, kept_above: int) -> int:
    """One more. Where too many are remembered, who has sent few is forgotten: who has sent more is known still."""
    if len(counts) > _MAX_REMEMBERED:
        many = {each: n for each, n in counts.items() if n > kept_above}
        counts.clear()
        if len(many) <= _MAX_REMEMBERED // 2:
            counts.update(many)
    counts[key] += 1
    return counts[key]
