"""Reads a parked record again, as if it came now: it is accepted once, or stays parked for what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import asyncpg

from pathline_gateway.background.data_errors import Unstorable, is_data_error
from pathline_gateway.intake import parked_repository
from pathline_gateway.intake.parked_repository import StoredParkedRecord
from pathline_gateway.intake.record import Parked
from pathline_gateway.intake.record_parser import parse_record
from pathline_gateway.intake.record_writer import BatchResult, RecordWriter
from pathline_gateway.limits.table import Limits
from pathline_gateway.log_cause import error_label
from pathline_gateway.postgres.registry_cache import RegistryCache

NOT_WHOLE: Final = "not-kept-whole"
_NOT_WHOLE_DETAILS: Final = {
    "cut": "only its beginning is kept: ask its publisher to send it again, smaller",
    "position": "only where it stood is kept: ask its publisher to send it again, smaller",
}


@dataclass(frozen=True)
class ReplayRules:
    """By which rules records are accepted: those of intake. `by`: who replays."""

    by: str
    register_unknown: bool
    registry: RegistryCache = field(default_factory=RegistryCache)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What became of one record. `reason`, `field` and `detail` say why it is still parked."""

    id: int
    outcome: Literal["replayed", "still-parked", "settled-before", "unknown"]
    resolution: str | None = None
    """As what it was stored: `accepted`, `evidence` or `duplicate`."""
    reason: str | None = None
    field: str | None = None
    detail: str | None = None
    org: str | None = None
    """Whose it is; told to nobody."""


class _Refused(Exception):
    """It is not accepted today either: nothing of the attempt stays."""

    def __init__(self, parked: Parked) -> None:
        self.parked = parked
        super().__init__(parked.reason)


async def replay(connection: asyncpg.Connection, rules: ReplayRules, id: int) -> ReplayResult:
    """The record is accepted, or parked still, in one transaction.

    Who replays the same record meanwhile waits, and then finds it settled. Intake may run: an event that it has stored
    since is known by its identity.
    """
    async with connection.transaction():
        record = await parked_repository.lock(connection, id)
        if record is None:
            return ReplayResult(id, "unknown")
        if record.state != "parked":
            return ReplayResult(id, "settled-before", record.resolution)
        if record.kept != "whole":
            return ReplayResult(id, "still-parked", None, NOT_WHOLE, None, _NOT_WHOLE_DETAILS[record.kept], record.org)
        epochs = {(record.topic, record.partition): record.log_epoch}
        writer = RecordWriter(connection, epochs, rules.register_unknown, rules.registry, rules.limits)
        rejection = await _try_take_in(writer, rules, record)
        if rejection is not None:
            rejection_fields = (rejection.reason, rejection.field, rejection.detail)
            await parked_repository.update_reason(connection, id, *rejection_fields, rejection.org)
            return ReplayResult(id, "still-parked", None, *rejection_fields, rejection.org or record.org)
    rules.registry.learn(writer.registry_additions)
    return ReplayResult(id, "replayed", _resolution(writer.result))


async def _try_take_in(writer: RecordWriter, rules: ReplayRules, record: StoredParkedRecord) -> Parked | None:
    """Why it cannot be accepted; None when it was."""
    try:
        async with writer.connection.transaction():
            await _take_in(writer, rules, record)
    except _Refused as error:
        return error.parked
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if not is_data_error(error):
            raise
        detail = f"the database does not take it ({error_label(error)}): tell those who develop Pathline"
        return Parked(record, Unstorable.reason, detail, None, record.org)
    return None


async def _take_in(writer: RecordWriter, rules: ReplayRules, record: StoredParkedRecord) -> None:
    await writer.write([parse_record(record)])
    if writer.result.parked:
        raise _Refused(writer.result.parked[0])
    await parked_repository.mark_replayed(writer.connection, record.id, rules.by, _resolution(writer.result))
    writer.count("parked", -1)
    await writer.finish()


def _resolution(result: BatchResult) -> str:
    if result.duplicates:
        return "duplicate"
    return "evidence" if result.evidence else "accepted"
