"""What every page of the desk is made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
from fastapi import Response

from pathline_gateway.console.page import page
from pathline_gateway.desk.listed import Listed, listed
from pathline_gateway.desk.publishing import Publishing
from pathline_gateway.desk.shown import Said, Worker
from pathline_gateway.handoff.clocks import Clocks
from pathline_gateway.trust.pairwise import ReaderKey


@dataclass(frozen=True)
class Seat:
    """The parts of the gateway that the desk works with."""

    pool: asyncpg.Pool
    publishing: Publishing
    secret: bytes
    said: Said

    def now(self) -> datetime:
        """When something is done: never the frozen clock, by which due instants alone are judged."""
        return datetime.now(UTC)

    def key(self, org: str) -> ReaderKey:
        """Makes the names that this organisation's desk uses."""
        return ReaderKey(self.secret, f"desk {org}")

    def listed(self, org: str, found: Sequence[Clocks]) -> list[Listed]:
        """These hand-offs, as pages tell of them."""
        return listed(found, self.key(org), self.said.zone, self.said.clock())

    def page(self, template: str, who: Worker | None, status: int = 200, **values: object) -> Response:
        """A page of the desk."""
        said = {"worker": who, "quick_exit": self.said.quick_exit, "zone": str(self.said.zone), **values}
        return page(f"desk/{template}", status, referrer="same-origin", **said)
