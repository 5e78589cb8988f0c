"""A parked record is read again, as if it came now: it is taken in once, or stays parked for what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import asyncpg

from pathline_gateway.background.error_classification import Unstorable, is_of_the_data, name_of
from pathline_gateway.intake import parked_repository
from pathline_gateway.intake.parked_repository import StoredParkedRecord
from pathline_gateway.intake.record import Parked
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.intake.record_writer import BatchResult, RecordWriter
from pathline_gateway.limits.table import Limits
from pathline_gateway.postgres.registry_cache import RegistryCache

NOT_WHOLE: Final = "not-kept-whole"
_NOT_WHOLE: Final = {
    "cut": "only its beginning is kept: ask its publisher to send it again, smaller",
    "position": "only where it stood is kept: ask its publisher to send it again, smaller",
}


@dataclass(frozen=True)
class ReplayRules:
    """By which rules records are taken in: those of intake. `by`: who replays."""

    by: str
    register_unknown: bool
    known: RegistryCache = field(default_factory=RegistryCache)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What became of one record. `reason`, `field` and `detail` say why it is still parked."""

    id: int
    outcome: Literal["replayed", "still-parked", "settled-before", "unknown"]
    resolution: str | None = None
    """As what it was taken in: `accepted`, `evidence` or `duplicate`."""
    reason: str | None = None
    field: str | None = None
    detail: str | None = None


class _Refused(Exception):
    """It is not taken in today either: nothing of the attempt stays."""

    def __init__(self, parked: Parked) -> None:
        self.parked = parked
        super().__init__(parked.reason)


async def replay(connection: asyncpg.Connection, rules: ReplayRules, id: int) -> ReplayResult:
    """The record is taken in, or parked still, in one transaction.

    Who replays the same record meanwhile waits, and then finds it settled. Intake may run: an event that it has taken
    in since is known by its identity.
    """
    async with connection.transaction():
        kept = await parked_repository.lock(connection, id)
        if kept is None:
            return ReplayResult(id, "unknown")
        if kept.state != "parked":
            return ReplayResult(id, "settled-before", kept.resolution)
        if kept.kept != "whole":
            return ReplayResult(id, "still-parked", None, NOT_WHOLE, None, _NOT_WHOLE[kept.kept])
        epochs = {(kept.topic, kept.partition): kept.log_epoch}
        writer = RecordWriter(connection, epochs, rules.register_unknown, rules.known, rules.limits)
        refused = await _refused(writer, rules, kept)
        if refused is not None:
            why = (refused.reason, refused.field, refused.detail)
            await parked_repository.still(connection, id, *why, refused.org)
            return ReplayResult(id, "still-parked", None, *why)
    rules.known.learn(writer.learned)
    return ReplayResult(id, "replayed", _as(writer.outcome))


async def _refused(writer: RecordWriter, rules: ReplayRules, kept: StoredParkedRecord) -> Parked | None:
    """Why it cannot be taken in; None when it was."""
    try:
        async with writer.connection.transaction():
            await _take_in(writer, rules, kept)
    except _Refused as refused:
        return refused.parked
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
        if not is_of_the_data(failed):
            raise
        detail = f"the database does not take it ({name_of(failed)}): tell those who develop Pathline"
        return Parked(kept, Unstorable.reason, detail, None, kept.org)
    return None


async def _take_in(writer: RecordWriter, rules: ReplayRules, kept: StoredParkedRecord) -> None:
    await writer.write([parse_record(kept)])
    if writer.outcome.parked:
        raise _Refused(writer.outcome.parked[0])
    await parked_repository.replayed(writer.connection, kept.id, rules.by, _as(writer.outcome))
    writer.count("parked", -1)
    await writer.finish()


def _as(outcome: BatchResult) -> str:
    if outcome.duplicates:
        return "duplicate"
    return "evidence" if outcome.evidence else "accepted"
