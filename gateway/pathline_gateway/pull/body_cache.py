"""Bodies that were served to those who see everything, for as long as they are what would be served again.

An entry counts while the refs of the pathway have the revisions that it was made of. It ends at the next instant at
which a hand-off is told otherwise. Who of its receivers is registered has no revision, and is looked at by itself.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from pathline_gateway.pathways.repository import PathwayMembers
from pathline_gateway.pull.lifespan import Lifespan

_MAX_SHARE: Final = 16
"""No body takes more than this part of the room: a few long pathways would drive out all others."""
_VERSION_BYTES: Final = 1_000
"""What is kept of a pathway besides its body takes about that."""
_VERSIONS_SHARE: Final = 4
"""This part of the room is for versions: who asks whether anything is new needs no body."""


class ServedVersion(NamedTuple):
    """What was served of a pathway: its version, how long it lasts, and the body where that is kept still."""

    version: str
    lifespan: Lifespan
    body: bytes | None


@dataclass
class BodyCache:
    """One for each process; what nobody asked for the longest goes first, the body before the version."""

    max_bytes: int
    _versions: OrderedDict[UUID, tuple[PathwayMembers, ServedVersion]] = field(default_factory=OrderedDict)
    _bodies: OrderedDict[UUID, bytes] = field(default_factory=OrderedDict)
    _body_bytes: int = 0

    def has_body(self, pathway: UUID) -> bool:
        """Whether a body is kept, be it what would be served now or not."""
        return pathway in self._bodies

    def find(self, members: PathwayMembers, now: datetime) -> ServedVersion | None:
        """What is served of this pathway at these revisions and this instant."""
        entry = self._versions.get(members.pathway)
        if entry is None:
            return None
        kept_members, served = entry
        if kept_members != members or not served.lifespan.since <= now <= served.lifespan.until:
            return None
        self._versions.move_to_end(members.pathway)
        body = self._bodies.get(members.pathway)
        if body is not None:
            self._bodies.move_to_end(members.pathway)
        return served._replace(body=body)

    def put(self, members: PathwayMembers, version: str, lifespan: Lifespan, body: bytes) -> None:
        """This is what is served now, of this pathway at these revisions."""
        pathway = members.pathway
        self._drop_body(pathway)
        self._versions.pop(pathway, None)
        if self.max_bytes < _VERSIONS_SHARE * _VERSION_BYTES:
            return
        self._versions[pathway] = members, ServedVersion(version, lifespan, None)
        if len(body) * _MAX_SHARE <= self.max_bytes:
            self._bodies[pathway] = body
            self._body_bytes += len(body)
        while len(self._versions) * _VERSION_BYTES * _VERSIONS_SHARE > self.max_bytes:
            oldest, _ = self._versions.popitem(last=False)
            self._drop_body(oldest)
        while self._body_bytes * _VERSIONS_SHARE > self.max_bytes * (_VERSIONS_SHARE - 1):
            self._drop_body(next(iter(self._bodies)))

    def _drop_body(self, pathway: UUID) -> None:
        self._body_bytes -= len(self._bodies.pop(pathway, b""))


NO_CACHE: Final = BodyCache(0)
"""Keeps nothing."""
