"""Reads what a series is to be written next, as its organisation may see it at this moment."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.streams.dispatch import delivered_repository
from pathline_gateway.streams.dispatch.delivery_spans import SampledDeliveries
from pathline_gateway.streams.dispatch.event_rendering import (
    RenderContext,
    render_events,
    sampled_deliveries,
    with_numbers,
)
from pathline_gateway.streams.dispatch.gateway_events import forgotten_event, withheld_event
from pathline_gateway.streams.dispatch.thin_events import as_subscribed, thin_event
from pathline_gateway.streams.kafka import shown_repository
from pathline_gateway.streams.kafka.record import BATCH_OVERHEAD, OVERSIZED, OutRecord, build_record
from pathline_gateway.streams.kafka.revision import digest_of
from pathline_gateway.streams.kafka.shown_repository import ShownEvent
from pathline_gateway.streams.kafka.write_context import WriteContext
from pathline_gateway.streams.kafka.write_range import BrokerPosition, WriteRange, next_range
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.time_slice import TimeSlice

_TAG_LENGTH: Final = 16


class ReadBatch(NamedTuple):
    """What is to be written, and since when it was waiting."""

    after: int
    position: BrokerPosition
    """The number is no higher than `after` where there is nothing to write."""
    records: list[OutRecord]
    waiting_since: float | None
    """When the first of these events was given, in seconds since 1970."""
    rendered_at: float
    """In monotonic seconds: who may see it was decided then."""
    deliveries: SampledDeliveries | None = None
    """To be recorded once the records are written."""


@dataclass(frozen=True, slots=True)
class BatchReader:
    """Reads for one series."""

    context: WriteContext
    series: UUID
    max_message_bytes: int

    async def read(self, after: int) -> ReadBatch | None:
        """What follows this number; None where the series is paused or gone. What it shows of others is logged."""
        context = self.context
        async with (
            context.reads,
            context.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read"),
        ):
            subscription = await subscription_repository.find(connection, self.series, None)
            if subscription is None or subscription.is_paused:
                return None
            subscription = subscription.effective(context.auth_disabled)
            numbers = next_range(
                after, subscription.pruned_through, subscription.last_number, context.policy.batch_size
            )
            if numbers is None:
                return ReadBatch(after, BrokerPosition(after, ""), [], None, time.monotonic())
            events, waiting_since, deliveries = await self._render(connection, subscription, numbers)
            tag, rendered_at = await self.find_tag(connection, numbers.through) or "", time.monotonic()
        records, slice = [], TimeSlice()
        if numbers.forgets:
            records.append(build_record(forgotten_event(subscription, after + 1, numbers.first - 1)))
        for number in range(numbers.first, numbers.through + 1):
            records.append(self._record(subscription, events.get(number), number))
            if slice.is_spent:
                await slice.renew()
        return ReadBatch(after, BrokerPosition(numbers.through, tag), records, waiting_since, rendered_at, deliveries)

    async def find_tag(self, connection: asyncpg.Connection, number: int) -> str | None:
        """What tells the delivery of this number from another of the same number; None where it is not kept."""
        identity = await delivered_repository.find_identity(connection, self.series, number)
        if identity is None:
            return None
        message = f"{self.series} {number} {identity[0]} {identity[1]}".encode()
        return hmac.new(self.context.secret, message, hashlib.sha256).hexdigest()[:_TAG_LENGTH]

    async def _render(
        self, connection: asyncpg.Connection, subscription: Subscription, numbers: WriteRange
    ) -> tuple[dict[int, dict[str, Any]], float | None, SampledDeliveries]:
        count = numbers.through - numbers.first + 1
        rows = await delivered_repository.fetch_after(connection, subscription.id, numbers.first - 1, count)
        first_given = await delivered_repository.find_delivery_time(connection, subscription.id, numbers.first)
        render_context = RenderContext(connection, self.context.secret, self.context.clock())
        # What is told later of a thin event depends on the whole of it.
        whole = subscription if subscription.payload == "none" else subscription._replace(payload="full")
        rendered = await render_events(render_context, whole, with_numbers(rows), None)
        await self._remember(connection, subscription, numbers, rows, rendered)
        if subscription.payload == "thin":
            rendered = [as_subscribed(subscription, each) for each in rendered]
        return (
            {each["number"]: each for each in rendered},
            None if first_given is None else first_given.timestamp(),
            sampled_deliveries(render_context, subscription, with_numbers(rows), rendered),
        )

    async def _remember(
        self,
        connection: asyncpg.Connection,
        subscription: Subscription,
        numbers: WriteRange,
        rows: Sequence[asyncpg.Record],
        rendered: Sequence[Mapping[str, Any]],
    ) -> None:
        """What is shown of others is looked at again later. It may not be written in the end: then it is read again."""
        if subscription.is_operator or subscription.payload == "none":
            return
        shown = [
            ShownEvent(event["number"], event.get("pathway"), event["source"], event["id"], digest_of(event))
            for row, event in zip(rows, rendered, strict=True)
            if row["org"] != subscription.org and row["kind"] is None and "withheld" not in event
        ]
        await shown_repository.remember(connection, subscription.id, numbers.after, numbers.through, shown)

    def _record(self, subscription: Subscription, event: Mapping[str, Any] | None, number: int) -> OutRecord:
        if event is None or "withheld" in event:
            return build_record(withheld_event(subscription, number))
        traceparent = event["traceparent"]
        record = build_record(event).traced(traceparent)
        if record.size + BATCH_OVERHEAD <= self.max_message_bytes:
            return record
        return build_record({**thin_event(subscription, event), OVERSIZED: True}).traced(traceparent)
