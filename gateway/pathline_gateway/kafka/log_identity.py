"""Whether a log is still the one that Postgres stands in, judged by what it shows of itself.

A log may have been replaced: another cluster under the same name, or a topic deleted and made again. Or its records
expired before they were read. Identities make it safe to read a replaced log from its start (design: intake)."""

from __future__ import annotations

from dataclasses import dataclass

from pathline_gateway.kafka.offset_repository import Position


@dataclass(frozen=True, slots=True)
class PartitionView:
    """What a partition shows: the offsets of its first record and after its last, and the digest of one record.

    `digest_before` is of the record just before the position that was asked about; None when there is no record there.
    """

    start_offset: int
    end_offset: int
    digest_before: bytes | None


@dataclass(frozen=True, slots=True)
class LogContinues:
    """It is the same log: read on at `next_offset`."""

    next_offset: int


@dataclass(frozen=True, slots=True)
class LogExpired:
    """The same log, whose records from the position up to `start_offset` the broker no longer has."""

    next_offset: int
    start_offset: int


@dataclass(frozen=True, slots=True)
class LogReplaced:
    """Another log under the same name: read it from its start, as a new epoch."""

    reason: str


LogStatus = LogContinues | LogExpired | LogReplaced


def classify_log(position: Position, view: PartitionView) -> LogStatus:
    """What a partition is to intake that stands at this position in it.

    The record before the position decides where it can be read; `end_offset` only where it cannot. A broker may answer
    the base offset of its last batch for `end_offset`.
    """
    next_offset = position.next_offset
    if next_offset == 0:
        return LogContinues(0) if view.start_offset == 0 else LogExpired(0, view.start_offset)
    if view.digest_before is not None and position.last_digest is not None:
        if view.digest_before == position.last_digest:
            return LogContinues(next_offset)
        return LogReplaced("the record before our position is another one")
    if view.end_offset < next_offset and view.digest_before is None:
        return LogReplaced("it ends before our position")
    if view.start_offset > next_offset:
        return LogExpired(next_offset, view.start_offset)
    if view.start_offset < next_offset and position.last_digest is not None:
        return LogReplaced("the record before our position is not there")
    return LogContinues(next_offset)
