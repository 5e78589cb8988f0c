"""What somebody said about two refs being one person, and what it weighs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Standing(IntEnum):
    """By what right evidence binds; the smaller outranks the larger. The numbers are stored: never renumber them."""

    DECISION = 0
    """A person who reviews looked at both sides."""
    CITIZEN = 1
    """The person herself, by tokens from both sides."""
    HANDOFF = 2
    """The token of a hand-off, shown by the receiver's own subject."""
    LINKER = 3
    """An organisation that is registered as linker for both sides, or whose own both are."""
    OPEN = 4
    """Anybody, while auth is off."""
    PROPOSED = 5
    """Nobody who may: it waits for a decision."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Live evidence that two refs are the same person, or different people."""

    source: str
    id: str
    same: bool
    a: int
    b: int
    standing: Standing
    confidence: float
    asserted_at: datetime

    @property
    def decided(self) -> bool:
        """Whether a person who reviews said so."""
        return self.standing is Standing.DECISION

    @property
    def order(self) -> tuple[int, float, datetime, str, str]:
        """Canonical: by the asserter's rank, then the most confident, then the oldest."""
        return self.standing, -self.confidence, self.asserted_at, self.source, self.id
