"""Renders the events that a subscription was given, as its organisation may see them now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from pathline import instant
from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.access_log.request_row import request_number
from pathline_gateway.access_log.writer import access
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.purpose import stated
from pathline_gateway.auth.reader import Reader
from pathline_gateway.background.faults import concerns_record
from pathline_gateway.handoffs.silence import SilenceNotice
from pathline_gateway.pathways.bare_step import bare_step
from pathline_gateway.pathways.step import Step
from pathline_gateway.streams.dispatch import delivered_repository, held_repository
from pathline_gateway.streams.dispatch.handoff_notices import Telling
from pathline_gateway.streams.dispatch.handoff_notices import event as notice_event
from pathline_gateway.streams.dispatch.isolation import closed
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache, reader
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.time_slice import TimeSlice
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import name_of
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.redaction import StepRedactor, names

DELIVERY: Final = "delivery"
NumberedRow = tuple[int, asyncpg.Record]
"""The running number of an event, and what is stored of it: as `store.given` reads it, or as `store.subscriptions`."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, and the running number of the last."""

    events: Sequence[dict[str, Any]]
    last: int


class RenderContext:
    """What is looked up in one transaction, whose statements see one moment: for one subscription, and for others."""

    def __init__(self, connection: asyncpg.Connection, secret: bytes, now: datetime, *, strict: bool = False) -> None:
        """`strict`: what cannot be told is raised, and not set aside; nor is anything held back."""
        self.connection, self._secret, self.strict = connection, secret, strict
        self._closed: set[UUID] | None = set() if strict else None
        self.sight = VisibilityCache(connection, now)
        self.notices = Telling(connection, secret, self.sight)
        self.foreign: dict[tuple[Reader, UUID], tuple[VisiblePathway, StepRedactor]] = {}
        self.as_sent: dict[tuple[str, str, UUID | None], dict[str, Any]] = {}
        """What is told as it was sent, by the event and what the pathway is called, without the number."""
        self._keys: dict[str, ReaderKey] = {}
        self._names: dict[tuple[str, UUID], UUID] = {}

    async def is_closed(self, pathway: UUID) -> bool:
        """Whether nothing of this pathway is told now: something of it is set aside."""
        if self._closed is None:
            self._closed = await held_repository.closed_pathways(self.connection)
        return pathway in self._closed

    async def close(self, pathway: UUID, why: Exception) -> None:
        """Nothing of this pathway is told from now on, until it can be."""
        await closed(self.connection, DELIVERY, pathway, why)
        self._closed = {*(self._closed or ()), pathway}

    def key(self, reader: Reader) -> ReaderKey:
        """What makes this reader's names."""
        if reader.name not in self._keys:
            self._keys[reader.name] = ReaderKey(self._secret, reader.name)
        return self._keys[reader.name]

    def name(self, reader: Reader, birth: UUID) -> UUID:
        """What this reader calls the pathway that is named by this birth."""
        known, asked = self._names, (reader.name, birth)
        if asked not in known:
            known[asked] = name_of(reader, self.key(reader), birth)
        return known[asked]


async def page(
    connection: asyncpg.Connection, secret: bytes, subscription: Subscription, after: int, limit: int, now: datetime
) -> Page:
    """The next events after this number. What was shown of others is logged in the transaction, which is the caller's.

    Call within a transaction whose statements see one moment.
    """
    kept = max(after, subscription.forgotten_to)
    rows = await delivered_repository.after(connection, subscription.id, kept, limit)
    events = await render_events(RenderContext(connection, secret, now), subscription, numbered(rows), request_number())
    if kept > after:
        events = [forgotten(subscription, after, kept), *events]
    return Page(events, rows[-1]["number"] if rows else kept)


def forgotten(subscription: Subscription, after: int, to: int) -> dict[str, Any]:
    """What stands in place of events that are kept no more: a gap that is said."""
    said = {"number": to, "forgotten": True, "first": after + 1}
    return said if subscription.series == 1 else {**said, "series": subscription.series}


async def render_events(
    moment: RenderContext,
    subscription: Subscription,
    events: Iterable[NumberedRow],
    trace: bytes | None,
    *,
    log: bool = True,
) -> list[dict[str, Any]]:
    """These events as the subscription is told them; logged as `page` does, with this trace."""
    telling = _Telling(moment, subscription)
    told, slice, events = [], TimeSlice(), list(events)
    moment.sight.expect(row for _, row in events)
    for number, row in events:
        told.append(await telling.event(number, row))
        if slice.is_spent:
            await slice.renew()
    if log:
        await telling.log(trace)
    # Numbers of a further series begin anew.
    return told if subscription.series == 1 else [{**each, "series": subscription.series} for each in told]


def numbered(rows: Iterable[asyncpg.Record]) -> list[NumberedRow]:
    """What subscriptions were given, as it was read by itself."""
    return [(row["number"], row) for row in rows]


class _Telling:
    def __init__(self, moment: RenderContext, subscription: Subscription) -> None:
        self._moment, self._subscription = moment, subscription
        self._refs: set[int] = set()
        self._quiet = False
        self._kept_back: list[tuple[UUID, int, int, bool]] = []

    async def event(self, number: int, row: asyncpg.Record) -> dict[str, Any]:
        """The event as it is told; a marker where it may no longer be, or cannot be now: then it is told later."""
        if row.get("kept_back"):
            return {"number": number, "withheld": True}
        if await self._moment.is_closed(row["pathway"]):
            return self._later(number, row)
        try:
            return await self._event(number, row)
        except Exception as failed:
            # What Postgres says ends the transaction: then all of it is tried again by whoever began it.
            if self._moment.strict or isinstance(failed, asyncpg.PostgresError) or not concerns_record(failed):
                raise
            await self._moment.close(row["pathway"], failed)
            return self._later(number, row)

    def _later(self, number: int, row: asyncpg.Record) -> dict[str, Any]:
        self._kept_back.append((self._subscription.id, number, row["ref"], row.get("kind") is not None))
        return {"number": number, "withheld": True}

    async def _event(self, number: int, row: asyncpg.Record) -> dict[str, Any]:
        if row.get("kind") is not None:
            return await self._notice(number, row)
        if self._subscription.operator:  # as it is honoured now: see `seeing`
            return self._as_sent(number, row, row["pathway"])
        if row["org"] == self._subscription.org:
            return self._as_sent(number, row, await self._own_name(row))
        event = row["source"], row["id"]
        found = await self._moment.sight.of(self._subscription, row["pathway"], event)
        shown = None if found is None else found.shown.get(event)
        if found is None or shown is None:
            return {"number": number, "withheld": True}
        seen = found.seen
        self._refs |= {row["ref"]} | {ref.id for ref in seen.anchors}
        self._quiet |= seen.quiet
        key = self._moment.key(self._reader)
        handle = self._moment.name(self._reader, seen.anchors[0].birth) if seen.anchors else None
        return _told(self._foreign(key, seen, row["pathway"]).step(shown.told), number, handle)

    @cached_property
    def _reader(self) -> Reader:
        return reader(self._subscription)

    def _as_sent(self, number: int, row: asyncpg.Record, pathway: UUID | None) -> dict[str, Any]:
        known, asked = self._moment.as_sent, (row["source"], row["id"], pathway)
        if asked not in known:
            known[asked] = _told(bare_step(row), number, pathway)
        return {**known[asked], "number": number}

    def _foreign(self, key: ReaderKey, seen: VisiblePathway, pathway: UUID) -> StepRedactor:
        known, asked = self._moment.foreign, (self._reader, pathway)
        if asked not in known or known[asked][0] is not seen:  # more was looked up since
            told_as = names(key, seen.steps)
            known[asked] = seen, StepRedactor(key, self._reader.org, seen.concealment, told_as, seen.handoffs)
        return known[asked][1]

    async def _notice(self, number: int, row: asyncpg.Record) -> dict[str, Any]:
        notice = SilenceNotice(*(row[name] for name in SilenceNotice._fields))
        body = await self._moment.notices.body(self._subscription, notice, row["pathway"])
        if body is None:
            return {"number": number, "withheld": True}
        if not self._subscription.operator:
            await self._logged_notice(notice, row["pathway"])
        return notice_event(number, row, body)

    async def _logged_notice(self, notice: SilenceNotice, pathway: UUID) -> None:
        """That it was told how another keeps this person waiting is in the log as any event of others is."""
        found = await self._moment.sight.of(self._subscription, pathway)
        if found is not None:
            self._refs |= {notice.ref} | {ref.id for ref in found.seen.anchors}
            self._quiet |= found.seen.quiet

    async def _own_name(self, row: asyncpg.Record) -> UUID | None:
        """What the organisation calls the pathway of its own event."""
        if row["only_one"]:  # by which other name of the organisation's own could the pathway be called?
            return self._moment.name(self._reader, row["birth"])
        found = await self._moment.sight.of(self._subscription, row["pathway"])
        return self._moment.name(self._reader, found.seen.anchors[0].birth) if found and found.seen.anchors else None

    async def log(self, trace: bytes | None) -> None:
        """That others' events were shown is in the access log; what was kept back is told later."""
        await held_repository.withhold(self._moment.connection, self._kept_back)
        if not self._refs:
            return
        caller = Caller(frozenset((Role.SUBSCRIBER,)), org=self._subscription.org)
        said = stated(self._subscription.purpose, self._subscription.authority)
        kept = access(caller, said, "stream", "shown", refs=self._refs, trace_id=trace, quiet=self._quiet)
        await access_log_repository.write(self._moment.connection, kept)


def _told(step: Step, number: int, pathway: UUID | None) -> dict[str, Any]:
    """A CloudEvent, with the subscription's running number and the reader's name of the pathway."""
    attributes = {
        "specversion": "1.0",
        "id": step.id,
        "source": step.source,
        "type": step.type,
        "subject": step.subject or None,
        "time": instant.serve(step.time),
        "recordedtime": None if step.recordedtime is None else instant.serve(step.recordedtime),
        "sequence": step.sequence,
        "datacontenttype": "application/json",
        **orjson.loads(step.extra),
        "number": number,
        "pathway": None if pathway is None else str(pathway),
    }
    said = {name: value for name, value in attributes.items() if value is not None}
    return {**said, "data": orjson.Fragment(step.data)}
