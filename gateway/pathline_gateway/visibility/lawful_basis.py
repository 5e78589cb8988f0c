"""Lawful bases besides consent, where an operator has entered them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pathline_gateway.auth.reader import Reader


@dataclass(frozen=True, slots=True)
class LawfulBasis:
    """An organisation may be shown something under an instrument, for one purpose."""

    reader: str
    basis: str
    instrument: str
    purpose: str
    holders: tuple[str, ...] = ()
    """Who may show; everybody when empty."""
    nouns: tuple[str, ...] = ()
    """Which interactions; none when empty."""
    until: datetime | None = None

    def allows(self, holder: str, noun: str) -> bool:
        """Whether this holder may show interactions of this noun."""
        return (not self.holders or holder in self.holders) and noun in self.nouns


def applicable_bases(bases: Iterable[LawfulBasis], reader: Reader, now: datetime) -> list[LawfulBasis]:
    """Those that the reader names, is entered for, and that have not ended."""
    authority = reader.access_purpose.authority
    return [
        basis
        for basis in bases
        if authority is not None
        and basis.reader == reader.org
        and (basis.basis, basis.instrument) == (authority.basis, authority.instrument)
        and basis.purpose == reader.access_purpose.purpose
        and (basis.until is None or basis.until > now)
    ]
