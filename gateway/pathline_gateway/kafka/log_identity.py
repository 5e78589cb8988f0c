"""Whether a log is still the one that Postgres stands in, judged by what it shows of itself.

A log may have been replaced (another cluster under the same name, a topic deleted and made again) or have expired
records before they were read. Identities make it safe to read a replaced log from its start (design: intake)."""

from __future__ import annotations

from dataclasses import dataclass

from pathline_gateway.kafka.offset_repository import Position


@dataclass(frozen=True, slots=True)
class PartitionView:
    """What a partition shows: the offsets of its first record and after its last, and the digest of one record.

    `before` is of the record just before the position that was asked about; None when there is no record there.
    """

    start: int
    end: int
    before: bytes | None


@dataclass(frozen=True, slots=True)
class Continues:
    """It is the same log: read on at `at`."""

    at: int


@dataclass(frozen=True, slots=True)
class Expired:
    """The same log, whose records from the position up to `start` the broker no longer has."""

    at: int
    start: int


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another log under the same name: read it from its start, as a new epoch."""

    why: str


LogStatus = Continues | Expired | Replaced


def classify_log(position: Position, shown: PartitionView) -> LogStatus:
    """What a partition is to intake that stands at this position in it.

    The record before the position decides where it can be had; `end` only where it cannot, because a broker may answer
    the base offset of its last batch for it.
    """
    at = position.next_offset
    if at == 0:
        return Continues(0) if shown.start == 0 else Expired(0, shown.start)
    if shown.before is not None and position.last_digest is not None:
        if shown.before == position.last_digest:
            return Continues(at)
        return Replaced("the record before our position is another one")
    if shown.end < at and shown.before is None:
        return Replaced("it ends before our position")
    if shown.start > at:
        return Expired(at, shown.start)
    if shown.start < at and position.last_digest is not None:
        return Replaced("the record before our position is not there")
    return Continues(at)
