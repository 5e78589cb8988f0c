"""One thing that must hold of everything stored: how often it was looked at, and where it did not hold. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

Name = Literal[
    "content",
    "columns",
    "rendered",
    "identities",
    "sources",
    "links",
    "handoffs",
    "clocks",
    "notices",
    "review",
    "membership",
    "amendments",
    "stepped",
    "pathways",
    "totals",
    "changes",
    "positions",
    "parked",
]

INVARIANTS: Final[dict[Name, str]] = {
    "content": "the digest of what is stored is the one kept when it was accepted",
    "columns": "columns say what the payload says",
    "rendered": "a step is stored as it is served",
    "identities": "every event has one identity, and every identity its event",
    "sources": "a source belongs to the organisation that it names",
    "links": "link evidence says what its event says",
    "handoffs": "redeemed hand-offs link the subjects that their events say",
    "clocks": "hand-offs are kept as a pull of their pathway tells them",
    "notices": "silence was said after its instant, and its end once and of a silence",
    "review": "what does not bind waits for a person, and nothing else",
    "membership": "refs are on the pathways that the evidence seen puts them on",
    "amendments": "voids and corrections name what their event names, and know its ref",
    "stepped": "a ref is stepped exactly when a step stands under it",
    "pathways": "a pathway is served as it is recomputed",
    "totals": "totals are counts",
    "changes": "the change log has every change, the entries of a transaction together",
    "positions": "positions are where something was read",
    "parked": "parked records are whole, and lie before the position",
}

_MAX_SHOWN = 5
"""Differing pathways that are named; the rest is counted."""


@dataclass
class Check:
    """What one comparison came to."""

    name: Name
    compared_count: int = 0
    differing_count: int = 0
    refs: list[int] = field(default_factory=list)
    """Some of the refs concerned, for finding their pathways."""
    pathways: list[str] = field(default_factory=list)
    """The ids of some of the pathways that differ."""
    set_aside_count: int = 0
    """Those that differ or cannot be computed, and are known to: a background work has set them aside."""
    closed_refs: Collection[int] = frozenset()
    """Refs of pathways of which something is set aside."""

    def record(self, is_same: bool, ref: int | None = None) -> None:
        """One more was compared."""
        self.compared_count += 1
        if not is_same:
            self.record_difference(ref)

    def record_difference(self, ref: int | None = None) -> None:
        """One is different, or is known to be."""
        if ref in self.closed_refs:
            self.set_aside_count += 1
            return
        self.differing_count += 1
        if ref is not None and len(self.refs) < _MAX_SHOWN:
            self.refs.append(ref)

    def add_pathways(self, ids: Iterable[str]) -> None:
        """These differ, of which a few will be shown, each once."""
        self.pathways = list(dict.fromkeys([*self.pathways, *ids]))[:_MAX_SHOWN]

    @property
    def summary_line(self) -> str:
        """For a person."""
        pathway_ids = f": {' '.join(self.pathways)}" if self.pathways else ""
        set_aside_column = f" {self.set_aside_count:>8} set aside" if self.set_aside_count else ""
        counts = f"{self.compared_count:>10} compared {self.differing_count:>8} different"
        return f"{self.name:<11} {counts}{set_aside_column}{pathway_ids}"

    @property
    def as_document(self) -> dict[str, object]:
        """For a program."""
        return {
            "check": self.name,
            "holds": INVARIANTS[self.name],
            "compared": self.compared_count,
            "different": self.differing_count,
            "set_aside": self.set_aside_count,
            "pathways": self.pathways,
        }
