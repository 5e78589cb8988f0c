"""What somebody said about two refs being one person, and what it weighs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class EvidenceRank(IntEnum):
    """By what right evidence binds; `Evidence.order` ranks them. The numbers are stored: never renumber them."""

    DECISION = 0
    """A person who reviews looked at both sides."""
    CITIZEN = 1
    """The person herself, by tokens from both sides."""
    HANDOFF = 2
    """The token of a hand-off, shown by the receiver's own subject."""
    LINKER = 3
    """An organisation that is registered as linker for both sides; or that tells two of its own apart."""
    OPEN = 4
    """Anybody, while auth is off."""
    PROPOSED = 5
    """Nobody who may: it waits for a decision."""
    OWN = 6
    """The organisation whose own both are: it joins them where that joins nothing that others know."""
    ONE_SIDE = 7
    """An organisation that tells its own apart from another's: unless the person herself linked them."""


_SORT_RANKS = {EvidenceRank.OWN: EvidenceRank.OPEN + 0.5, EvidenceRank.ONE_SIDE: EvidenceRank.CITIZEN + 0.5}
"""Where the ranks stand that got their numbers later. They come after all links made by a right on both sides. What an
organisation says of its own clients must not decide what those links find to join."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Live evidence that two refs are the same person, or different people."""

    source: str
    id: str
    same: bool
    a: int
    b: int
    rank: EvidenceRank
    confidence: float
    asserted_at: datetime

    @property
    def is_decision(self) -> bool:
        """Whether a person who reviews said so."""
        return self.rank is EvidenceRank.DECISION

    @property
    def sort_key(self) -> tuple[float, float, datetime, str, str]:
        """Canonical: by the asserter's rank, then the most confident, then the oldest."""
        return _SORT_RANKS.get(self.rank, self.rank), -self.confidence, self.asserted_at, self.source, self.id
