"""A hand-off that has ended is one span, and one duration with that span as its example."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Link

from pathline_gateway.handoff.record import HandoffRecord
from pathline_gateway.metric_series import registered
from pathline_gateway.store import closed_handoffs as store
from pathline_gateway.store import register
from pathline_gateway.telemetry import FINISHED, HANDOFF_DURATION, HANDOFFS, link_to

_NAME: Final = "handoff"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2554, 1, 1, tzinfo=UTC)
"""Spans count nanoseconds since 1970 in 64 bits."""
_AT_ONCE: Final = 500


async def tell(pool: asyncpg.Pool, secret: bytes, flush: Callable[[], None]) -> bool:
    """Whether any hand-off had ended since, and was told to tracing and metrics.

    A crash between telling and committing tells it again: the span is the same span, by its ids. What is concealed is
    told to nobody.
    """
    async with pool.acquire() as connection, connection.transaction():
        closed = await store.untold(connection, _AT_ONCE)
        if closed is None:
            return False
        named = {org for each in closed for org in (each.record.sender, each.record.receiver) if org is not None}
        known = await register.known_organisations(connection, named)
        for each in closed:
            if not each.hidden:
                _tell(each.record, secret, known)
        await asyncio.to_thread(flush)
        await store.told(connection, [each.record for each in closed])
    return True


def _tell(record: HandoffRecord, secret: bytes, known: Collection[str]) -> None:
    offered, ended = record.offered, record.ended
    if offered is None or ended is None:
        return
    said = {
        "pathline.from": record.sender,
        "pathline.to": record.receiver or "",
        "pathline.outcome": record.ended_by or "",
    }
    # Anybody may offer to anybody, and invent whom: a metric has a series for each that it is told.
    counted = registered(said, known)
    HANDOFFS.add(1, counted)
    # A span that begins or ends where spans have no time is none; the duration counts all the same.
    inside = _EPOCH <= offered <= ended < _LATEST
    token = attach(_span(record, offered, ended, said, secret)) if inside else None
    try:
        HANDOFF_DURATION.record(max(0.0, (ended - offered).total_seconds()), counted)
    finally:
        if token is not None:
            detach(token)


def _span(record: HandoffRecord, offered: datetime, ended: datetime, said: dict[str, str], secret: bytes) -> Context:
    """The span from offer to end, linked to the calls that published both."""
    tag = hmac.digest(secret, f"{record.handoff}\n{ended.isoformat()}".encode(), hashlib.sha256)
    ids = int.from_bytes(tag[:16]), int.from_bytes(tag[16:24])
    sides = ((record.trace_id, record.span_id), (record.end_trace_id, record.end_span_id))
    links: list[Link] = [link_to(trace, span) for trace, span in sides if trace is not None and span is not None]
    return FINISHED.span(_NAME, ids, (_ns(offered), _ns(ended)), said, links)


def _ns(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1_000
