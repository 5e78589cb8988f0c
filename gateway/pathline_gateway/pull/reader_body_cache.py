"""Bodies that were served to one reader each, for as long as she would be served the same.

An entry counts while its revisions stand. Its time ends when a mandate, consent, basis or deadline counts otherwise.
Postgres says whether the revisions stand, in the statement that logs the access.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from pathline_gateway.auth.reader import Reader
from pathline_gateway.pull.lifespan import Lifespan
from pathline_gateway.visibility.policy_revisions import PolicyRevisions

_MAX_SHARE: Final = 16
"""No body takes more than this part of the room: a few long pathways would drive out all others."""
_ENTRY_BYTES: Final = 2_000
"""What is kept besides a body takes about that."""


class KeptBody(NamedTuple):
    """A body of a pathway for one reader, the revisions that it has, and what an access to it shows."""

    version: str
    body: bytes
    anchor_id: UUID
    """Of the ref by which she knows the pathway."""
    revisions: PolicyRevisions
    lifespan: Lifespan
    shown_refs: frozenset[int]
    mandate: str | None
    is_concealed_access: bool

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.body) + _ENTRY_BYTES


@dataclass
class ReaderBodyCache:
    """One for each process; what nobody asked for the longest goes first."""

    max_bytes: int
    _bodies: OrderedDict[tuple[Reader, UUID], KeptBody] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _register_revision: int = -1

    def find(self, reader: Reader, pathway: UUID, now: datetime) -> KeptBody | None:
        """What this reader was served under this name, if it may be what she would be served now."""
        kept = self._bodies.get((reader, pathway))
        if kept is None or not kept.lifespan.since <= now <= kept.lifespan.until:
            return None
        self._bodies.move_to_end((reader, pathway))
        return kept

    def put(self, reader: Reader, pathway: UUID, kept: KeptBody) -> None:
        """This is what she is served now. What operators entered since other bodies were made empties the room."""
        if kept.revisions.register < self._register_revision:
            return
        if kept.revisions.register > self._register_revision:
            self._bodies.clear()
            self._bytes, self._register_revision = 0, kept.revisions.register
        self.drop(reader, pathway)
        if kept.size * _MAX_SHARE > self.max_bytes:
            return
        self._bodies[reader, pathway] = kept
        self._bytes += kept.size
        while self._bytes > self.max_bytes:
            _, oldest = self._bodies.popitem(last=False)
            self._bytes -= oldest.size

    def drop(self, reader: Reader, pathway: UUID) -> None:
        """It is kept no longer."""
        if (kept := self._bodies.pop((reader, pathway), None)) is not None:
            self._bytes -= kept.size


def empty_reader_cache() -> ReaderBodyCache:
    """One that keeps nothing."""
    return ReaderBodyCache(0)
