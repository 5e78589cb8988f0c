"""Reports a hand-off that has ended: one span, and one duration with that span as its exemplar."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import asyncpg
from opentelemetry.context import attach, detach
from opentelemetry.trace import Link

from pathline_gateway.handoffs import telemetry_repository
from pathline_gateway.handoffs.projection_row import HandoffRow
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.set_aside.bisection import fold_with_bisection
from pathline_gateway.telemetry.instruments import FINISHED_SPANS, HANDOFF_DURATION, HANDOFFS, link_to
from pathline_gateway.telemetry.series_bound import mask_unregistered

WORK: Final = "closed-hand-offs"
_SPAN_NAME: Final = "handoff"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2554, 1, 1, tzinfo=UTC)
"""Spans count nanoseconds since 1970 in 64 bits."""
_BATCH_SIZE: Final = 500


async def report_ended(pool: asyncpg.Pool, secret: bytes, flush: Callable[[], None]) -> bool:
    """Whether any hand-off had ended since, and was told to tracing and metrics.

    A crash between telling and committing tells it again: the span is the same span, by its ids. What is concealed is
    told to nobody. What cannot be told is set aside.
    """
    async with pool.acquire() as connection, connection.transaction():
        retries = set(await set_aside.due(connection, WORK))
        queued = retries | set(await telemetry_repository.dequeue(connection, _BATCH_SIZE))
        if not queued:
            return False

        ended_spans: list[_EndedSpan] = []

        async def prepare(handoff_ids: Sequence[str]) -> None:
            ended_handoffs = await telemetry_repository.unreported(connection, handoff_ids)
            spans = [_build_ended_span(each.record, secret) for each in ended_handoffs if not each.is_concealed]
            await telemetry_repository.mark_reported(connection, [each.record for each in ended_handoffs])
            ended_spans.extend(each for each in spans if each is not None)

        set_aside_before = await set_aside.find_set_aside(connection, WORK, queued)
        failed = await fold_with_bisection(connection, sorted(queued), prepare)
        await set_aside.release(connection, WORK, set_aside_before - failed.keys())
        await set_aside.put(connection, WORK, "hand-off", failed)
        orgs = {each.attributes[side] for each in ended_spans for side in ("pathline.from", "pathline.to")}
        registered_orgs = await organisation_repository.known_organisations(connection, orgs) if orgs else set()
        for each in ended_spans:
            _record(each, registered_orgs)
        await asyncio.to_thread(flush)
    return True


class _EndedSpan(NamedTuple):
    """The span and duration of one: complete before any of it is exported."""

    attributes: dict[str, str]
    seconds: float
    ids: tuple[int, int]
    times: tuple[int, int] | None
    """In nanoseconds; None where it begins or ends where spans have no time: it is none, and its duration counts."""
    links: list[Link]


def _build_ended_span(record: HandoffRow, secret: bytes) -> _EndedSpan | None:
    offered, ended = record.offered_at, record.ended_at
    if offered is None or ended is None:
        return None
    attributes = {
        "pathline.from": record.sender,
        "pathline.to": record.receiver or "",
        "pathline.outcome": record.ended_by or "",
    }
    digest = hmac.digest(secret, f"{record.handoff}\n{ended.isoformat()}".encode(), hashlib.sha256)
    span_ids = ((record.offer_trace_id, record.offer_span_id), (record.end_trace_id, record.end_span_id))
    return _EndedSpan(
        attributes,
        max(0.0, (ended - offered).total_seconds()),
        (int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])),
        (_to_nanoseconds(offered), _to_nanoseconds(ended)) if _EPOCH <= offered <= ended < _LATEST else None,
        [link_to(trace, span) for trace, span in span_ids if trace is not None and span is not None],
    )


def _record(each: _EndedSpan, registered_orgs: Collection[str]) -> None:
    """The span from offer to end, linked to the calls that published both, and the duration with it as its example."""
    # Anybody may offer to anybody, and invent whom: a metric has a series for each that it is told.
    metric_attributes = mask_unregistered(each.attributes, registered_orgs)
    HANDOFFS.add(1, metric_attributes)
    span = (
        None
        if each.times is None
        else FINISHED_SPANS.record_span(_SPAN_NAME, each.ids, each.times, each.attributes, each.links)
    )
    token = None if span is None else attach(span)
    try:
        HANDOFF_DURATION.record(each.seconds, metric_attributes)
    finally:
        if token is not None:
            detach(token)


def _to_nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1_000
