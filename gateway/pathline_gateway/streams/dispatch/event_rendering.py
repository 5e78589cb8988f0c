"""Renders the events that a subscription was given, as its organisation may see them now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from pathline import instant
from pathline.interaction import RESERVED_ATTRIBUTES
from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.access_log.access import build_access
from pathline_gateway.access_log.request_row import request_number
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.purpose import parse_access_purpose
from pathline_gateway.auth.reader import Reader
from pathline_gateway.background.faults import concerns_record
from pathline_gateway.handoffs.silence import SilenceNotice
from pathline_gateway.pathways.partial_step import partial_step_from_row
from pathline_gateway.pathways.step import Step
from pathline_gateway.streams.dispatch import delivered_repository, held_repository
from pathline_gateway.streams.dispatch.delivery_spans import SampledDeliveries, with_publisher
from pathline_gateway.streams.dispatch.delivery_trace import (
    PUBLISHER_ATTRIBUTES,
    DeliveryTrace,
    DeliveryTraceKey,
    traceparent,
)
from pathline_gateway.streams.dispatch.handoff_notices import NoticeRenderer
from pathline_gateway.streams.dispatch.handoff_notices import render_notice as notice_event
from pathline_gateway.streams.dispatch.selection_by_pathway import close_pathway
from pathline_gateway.streams.dispatch.thin_events import as_subscribed
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache, subscription_reader
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.telemetry.instruments import DELIVERY_SPANS
from pathline_gateway.time_slice import TimeSlice
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import handle_of
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.redaction import StepRedactor, event_names

DELIVERY: Final = "delivery"
_NOT_TOLD: Final = frozenset((*RESERVED_ATTRIBUTES, *PUBLISHER_ATTRIBUTES))
"""Attributes that a publisher's event may have. The first are the gateway's own, and events of before were taken with
them."""
NumberedRow = tuple[int, asyncpg.Record]
"""The running number of an event, and what is stored of it: as `store.given` reads it, or as `store.subscriptions`."""


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """Some events, and the running number of the last."""

    events: Sequence[dict[str, Any]]
    last_number: int
    deliveries: SampledDeliveries
    """To be recorded once they have left."""


class RenderContext:
    """What is looked up in one transaction, whose statements see one moment: for one subscription, and for others."""

    def __init__(self, connection: asyncpg.Connection, secret: bytes, now: datetime, *, strict: bool = False) -> None:
        """`strict`: what cannot be told is raised, and not set aside; nor is anything held back, or delivered."""
        self.connection, self._secret, self.strict = connection, secret, strict
        self._closed_pathways: set[UUID] | None = set() if strict else None
        self.visibility = VisibilityCache(connection, now)
        self.notice_renderer = NoticeRenderer(connection, secret, self.visibility)
        self.redactors: dict[tuple[Reader, UUID], tuple[VisiblePathway, StepRedactor]] = {}
        self.rendered_whole: dict[tuple[str, str, UUID | None, bool], dict[str, Any]] = {}
        """Bodies of events that are told whole, without the number. By event, the pathway's name, and whether it is
        for the publisher."""
        self._trace_key = DeliveryTraceKey(secret)
        self._reader_keys: dict[str, ReaderKey] = {}
        self._handles: dict[tuple[str, UUID], UUID] = {}

    async def is_closed(self, pathway: UUID) -> bool:
        """Whether nothing of this pathway is told now: something of it is set aside."""
        if self._closed_pathways is None:
            self._closed_pathways = await held_repository.closed_pathways(self.connection)
        return pathway in self._closed_pathways

    async def close(self, pathway: UUID, error: Exception) -> None:
        """Nothing of this pathway is told from now on, until it can be."""
        await close_pathway(self.connection, DELIVERY, pathway, error)
        self._closed_pathways = {*(self._closed_pathways or ()), pathway}

    def delivery_trace(self, subscription: Subscription, number: int) -> DeliveryTrace:
        """The trace of the delivery under this number."""
        return self._trace_key.trace(subscription.id, number)

    def reader_key(self, reader: Reader) -> ReaderKey:
        """What makes this reader's names."""
        if reader.name not in self._reader_keys:
            self._reader_keys[reader.name] = ReaderKey(self._secret, reader.name)
        return self._reader_keys[reader.name]

    def pathway_handle(self, reader: Reader, anchor_id: UUID) -> UUID:
        """What this reader calls the pathway that is named by this anchor id."""
        handles, cache_key = self._handles, (reader.name, anchor_id)
        if cache_key not in handles:
            handles[cache_key] = handle_of(reader, self.reader_key(reader), anchor_id)
        return handles[cache_key]


async def render_page(
    connection: asyncpg.Connection, secret: bytes, subscription: Subscription, after: int, limit: int, now: datetime
) -> RenderedPage:
    """The next events after this number. What was shown of others is logged in the transaction, which is the caller's.

    Call within a transaction whose statements see one moment.
    """
    start = max(after, subscription.pruned_through)
    rows = with_numbers(await delivered_repository.fetch_after(connection, subscription.id, start, limit))
    context = RenderContext(connection, secret, now)
    events = await render_events(context, subscription, rows, request_number())
    deliveries = sampled_deliveries(context, subscription, rows, events)
    if start > after:
        events = [forgotten_marker(subscription, after, start), *events]
    return RenderedPage(events, rows[-1][0] if rows else start, deliveries)


def forgotten_marker(subscription: Subscription, after: int, through: int) -> dict[str, Any]:
    """What stands in place of events that are kept no more: a gap that is said."""
    marker = {"number": through, "forgotten": True, "first": after + 1}
    return marker if subscription.series == 1 else {**marker, "series": subscription.series}


async def render_events(
    context: RenderContext,
    subscription: Subscription,
    events: Iterable[NumberedRow],
    trace: bytes | None,
    *,
    log: bool = True,
) -> list[dict[str, Any]]:
    """These events as the subscription is told them; logged as `render_page` does, with this trace."""
    renderer = _EventRenderer(context, subscription)
    rendered, slice, events = [], TimeSlice(), list(events)
    context.visibility.expect(row for _, row in events)
    for number, row in events:
        rendered.append(_as_told(context, subscription, await renderer.render(number, row)))
        if slice.is_spent:
            await slice.renew()
    if log:
        await renderer.write_access_log(trace)
    return rendered


def _as_told(context: RenderContext, subscription: Subscription, event: dict[str, Any]) -> dict[str, Any]:
    # Numbers of a further series begin anew.
    if subscription.series != 1:
        event = {**event, "series": subscription.series}
    event = as_subscribed(subscription, event)
    if context.strict or "specversion" not in event:
        return event
    ids = context.delivery_trace(subscription, event["number"])
    is_sampled = DELIVERY_SPANS.is_sampled(ids.trace_id)
    return {**event, "traceparent": traceparent(ids.trace_id, ids.span_id, is_sampled=is_sampled)}


def sampled_deliveries(
    context: RenderContext,
    subscription: Subscription,
    events: Iterable[NumberedRow],
    rendered: Iterable[Mapping[str, Any]],
) -> SampledDeliveries:
    """What is recorded once these events have left, which were rendered so; a marker is no delivery."""
    traces: list[DeliveryTrace] = []
    if DELIVERY_SPANS.is_recorded:
        for (number, row), event in zip(events, rendered, strict=True):
            ids = context.delivery_trace(subscription, number)
            if "specversion" in event and DELIVERY_SPANS.is_sampled(ids.trace_id):
                traces.append(with_publisher(ids, row, event))
    return SampledDeliveries(subscription.org, traces)


def with_numbers(rows: Iterable[asyncpg.Record]) -> list[NumberedRow]:
    """What subscriptions were given, as it was read by itself."""
    return [(row["number"], row) for row in rows]


class _EventRenderer:
    def __init__(self, context: RenderContext, subscription: Subscription) -> None:
        self._context, self._subscription = context, subscription
        self._refs: set[int] = set()
        self._is_quiet = False
        self._withheld: list[tuple[UUID, int, int, bool]] = []

    async def render(self, number: int, row: asyncpg.Record) -> dict[str, Any]:
        """The event as the subscriber sees it. A marker where it may no longer be shown, or cannot be now and comes
        later."""
        if row.get("kept_back"):
            return {"number": number, "withheld": True}
        if await self._context.is_closed(row["pathway"]):
            return self._withhold(number, row)
        try:
            return await self._render(number, row)
        except Exception as error:
            # What Postgres says ends the transaction: then all of it is tried again by whoever began it.
            if self._context.strict or isinstance(error, asyncpg.PostgresError) or not concerns_record(error):
                raise
            await self._context.close(row["pathway"], error)
            return self._withhold(number, row)

    def _withhold(self, number: int, row: asyncpg.Record) -> dict[str, Any]:
        self._withheld.append((self._subscription.id, number, row["ref"], row.get("kind") is not None))
        return {"number": number, "withheld": True}

    async def _render(self, number: int, row: asyncpg.Record) -> dict[str, Any]:
        if row.get("kind") is not None:
            return await self._render_notice(number, row)
        if self._subscription.is_operator:  # as it is honoured now: see `effective`
            return self._render_whole(number, row, row["pathway"], as_sent=False)
        if row["org"] == self._subscription.org:
            return self._render_whole(number, row, await self._own_handle(row), as_sent=True)
        event = row["source"], row["id"]
        view = await self._context.visibility.view(self._subscription, row["pathway"], event)
        visible_step = None if view is None else view.visible_steps.get(event)
        if view is None or visible_step is None:
            return {"number": number, "withheld": True}
        visible_pathway = view.visible_pathway
        self._refs |= {row["ref"]} | {ref.id for ref in visible_pathway.anchors}
        self._is_quiet |= visible_pathway.is_concealed_access
        key = self._context.reader_key(self._reader)
        handle = (
            self._context.pathway_handle(self._reader, visible_pathway.anchors[0].anchor_id)
            if visible_pathway.anchors
            else None
        )
        return _render_cloudevent(
            self._redactor(key, visible_pathway, row["pathway"]).redact(visible_step.parsed), number, handle
        )

    @cached_property
    def _reader(self) -> Reader:
        return subscription_reader(self._subscription)

    def _render_whole(self, number: int, row: asyncpg.Record, pathway: UUID | None, *, as_sent: bool) -> dict[str, Any]:
        cache, cache_key = self._context.rendered_whole, (row["source"], row["id"], pathway, as_sent)
        if cache_key not in cache:
            step = partial_step_from_row(row)
            cache[cache_key] = _render_cloudevent(step.as_sent if as_sent else step, number, pathway)
        return {**cache[cache_key], "number": number}

    def _redactor(self, key: ReaderKey, visible_pathway: VisiblePathway, pathway: UUID) -> StepRedactor:
        cache, cache_key = self._context.redactors, (self._reader, pathway)
        if cache_key not in cache or cache[cache_key][0] is not visible_pathway:  # more was looked up since
            step_names = event_names(key, visible_pathway)
            cache[cache_key] = (
                visible_pathway,
                StepRedactor(key, self._reader.org, visible_pathway.concealment, step_names, visible_pathway.handoffs),
            )
        return cache[cache_key][1]

    async def _render_notice(self, number: int, row: asyncpg.Record) -> dict[str, Any]:
        notice = SilenceNotice(*(row[name] for name in SilenceNotice._fields))
        body = await self._context.notice_renderer.render_body(self._subscription, notice, row["pathway"])
        if body is None:
            return {"number": number, "withheld": True}
        if not self._subscription.is_operator:
            await self._record_notice_access(notice, row["pathway"])
        return notice_event(number, row, body)

    async def _record_notice_access(self, notice: SilenceNotice, pathway: UUID) -> None:
        """That it was told how another keeps this person waiting is in the log as any event of others is."""
        view = await self._context.visibility.view(self._subscription, pathway)
        if view is not None:
            self._refs |= {notice.offer_ref} | {ref.id for ref in view.visible_pathway.anchors}
            self._is_quiet |= view.visible_pathway.is_concealed_access

    async def _own_handle(self, row: asyncpg.Record) -> UUID | None:
        """What the organisation calls the pathway of its own event."""
        if row["only_one"]:  # by which other name of the organisation's own could the pathway be called?
            return self._context.pathway_handle(self._reader, row["anchor_id"])
        view = await self._context.visibility.view(self._subscription, row["pathway"])
        return (
            self._context.pathway_handle(self._reader, view.visible_pathway.anchors[0].anchor_id)
            if view and view.visible_pathway.anchors
            else None
        )

    async def write_access_log(self, trace: bytes | None) -> None:
        """The access log has that others' events were shown; withheld events come later."""
        await held_repository.withhold(self._context.connection, self._withheld)
        # Of whoever is only told that there is something, nobody has seen anything yet.
        if not self._refs or self._subscription.payload == "none":
            return
        caller = Caller(frozenset((Role.SUBSCRIBER,)), org=self._subscription.org)
        purpose = parse_access_purpose(self._subscription.purpose, self._subscription.authority)
        entry = build_access(caller, purpose, "stream", "shown", refs=self._refs, trace_id=trace, quiet=self._is_quiet)
        await access_log_repository.write(self._context.connection, entry)


def _render_cloudevent(step: Step, number: int, pathway: UUID | None) -> dict[str, Any]:
    """A CloudEvent, with the subscription's running number and the reader's name of the pathway."""
    attributes = {
        "specversion": "1.0",
        "id": step.id,
        "source": step.source,
        "type": step.type,
        "subject": step.subject or None,
        "time": instant.to_text(step.time),
        "recordedtime": None if step.recordedtime is None else instant.to_text(step.recordedtime),
        "sequence": step.sequence,
        "datacontenttype": "application/json",
        **{name: value for name, value in orjson.loads(step.extra).items() if name not in _NOT_TOLD},
        "number": number,
        "pathway": None if pathway is None else str(pathway),
    }
    present_attributes = {name: value for name, value in attributes.items() if value is not None}
    return {**present_attributes, "data": orjson.Fragment(step.data)}
