"""One thing that must hold of everything stored: how often it was looked at, and where it did not hold. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

Name = Literal[
    "content",
    "columns",
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

MEANING: Final[dict[Name, str]] = {
    "content": "the digest of what is stored is the one kept when it was accepted",
    "columns": "clear columns say what the payload says",
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

_SHOWN = 5
"""Differing pathways that are named; the rest is counted."""


@dataclass
class Check:
    """What one comparison came to."""

    name: Name
    compared: int = 0
    different: int = 0
    refs: list[int] = field(default_factory=list)
    """Some of the refs concerned, for finding their pathways."""
    pathways: list[str] = field(default_factory=list)
    """The ids of some of the pathways that differ."""
    set_aside: int = 0
    """Those that differ or cannot be computed, and are known to: a background work has set them aside."""
    closed: Collection[int] = frozenset()
    """Refs of pathways of which something is set aside."""

    def see(self, same: bool, ref: int | None = None) -> None:
        """One more was compared."""
        self.compared += 1
        if not same:
            self.differ(ref)

    def differ(self, ref: int | None = None) -> None:
        """One is different, or is known to be."""
        if ref in self.closed:
            self.set_aside += 1
            return
        self.different += 1
        if ref is not None and len(self.refs) < _SHOWN:
            self.refs.append(ref)

    def name_pathways(self, ids: Iterable[str]) -> None:
        """These differ, of which a few will be shown, each once."""
        self.pathways = list(dict.fromkeys([*self.pathways, *ids]))[:_SHOWN]

    @property
    def line(self) -> str:
        """For a person."""
        named = f": {' '.join(self.pathways)}" if self.pathways else ""
        aside = f" {self.set_aside:>8} set aside" if self.set_aside else ""
        return f"{self.name:<11} {self.compared:>10} compared {self.different:>8} different{aside}{named}"

    @property
    def document(self) -> dict[str, object]:
        """For a program."""
        return {
            "check": self.name,
            "holds": MEANING[self.name],
            "compared": self.compared,
            "different": self.different,
            "set_aside": self.set_aside,
            "pathways": self.pathways,
        }
