"""What a process remembers of the register."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class RegistryCache:
    """What a process remembers of the register: rows that are committed, and so never change their numbers."""

    orgs: set[str] = field(default_factory=set)
    sources: dict[str, int] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)
    source_names: dict[int, str] = field(default_factory=dict)
    type_names: dict[int, str] = field(default_factory=dict)
    unknown_orgs: dict[str, float] = field(default_factory=dict)
    """Organisations that were not on the register, and when that was: by the clock that only counts seconds."""
    handoff_event_counts: Counter[Hashable] = field(default_factory=Counter)
    """How many events came since the process began: by hand-off and who published."""
    ref_event_counts: Counter[Hashable] = field(default_factory=Counter)
    """How many that name a hand-off: by record."""

    def learn(self, other: RegistryCache) -> None:
        """Remembers rows that are committed."""
        self.orgs |= other.orgs
        self.sources |= other.sources
        self.types |= other.types
