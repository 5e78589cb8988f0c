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

from pathline_gateway.background.isolation import in_parts
from pathline_gateway.handoffs import telemetry_repository
from pathline_gateway.handoffs.projection_row import HandoffRow
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.telemetry.instruments import FINISHED, HANDOFF_DURATION, HANDOFFS, link_to
from pathline_gateway.telemetry.series_bound import registered

WORK: Final = "closed-hand-offs"
_NAME: Final = "handoff"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2554, 1, 1, tzinfo=UTC)
"""Spans count nanoseconds since 1970 in 64 bits."""
_AT_ONCE: Final = 500


async def tell(pool: asyncpg.Pool, secret: bytes, flush: Callable[[], None]) -> bool:
    """Whether any hand-off had ended since, and was told to tracing and metrics.

    A crash between telling and committing tells it again: the span is the same span, by its ids. What is concealed is
    told to nobody. What cannot be told is set aside.
    """
    async with pool.acquire() as connection, connection.transaction():
        again = set(await set_aside.due(connection, WORK))
        queued = again | set(await telemetry_repository.queued(connection, _AT_ONCE))
        if not queued:
            return False

        ended: list[_Ended] = []

        async def fold(some: Sequence[str]) -> None:
            closed = await telemetry_repository.untold(connection, some)
            found = [_ended(each.record, secret) for each in closed if not each.hidden]
            await telemetry_repository.told(connection, [each.record for each in closed])
            ended.extend(each for each in found if each is not None)

        before = await set_aside.among(connection, WORK, queued)
        failed = await in_parts(connection, sorted(queued), fold)
        await set_aside.release(connection, WORK, before - failed.keys())
        await set_aside.put(connection, WORK, "hand-off", failed)
        named = {each.said[side] for each in ended for side in ("pathline.from", "pathline.to")}
        known = await organisation_repository.known_organisations(connection, named) if named else set()
        for each in ended:
            _tell(each, known)
        await asyncio.to_thread(flush)
    return True


class _Ended(NamedTuple):
    """What is told of one: nothing of it is told before all of it is known."""

    said: dict[str, str]
    seconds: float
    ids: tuple[int, int]
    times: tuple[int, int] | None
    """In nanoseconds; None where it begins or ends where spans have no time: it is none, and its duration counts."""
    links: list[Link]


def _ended(record: HandoffRow, secret: bytes) -> _Ended | None:
    offered, ended = record.offered, record.ended
    if offered is None or ended is None:
        return None
    said = {
        "pathline.from": record.sender,
        "pathline.to": record.receiver or "",
        "pathline.outcome": record.ended_by or "",
    }
    tag = hmac.digest(secret, f"{record.handoff}\n{ended.isoformat()}".encode(), hashlib.sha256)
    sides = ((record.trace_id, record.span_id), (record.end_trace_id, record.end_span_id))
    return _Ended(
        said,
        max(0.0, (ended - offered).total_seconds()),
        (int.from_bytes(tag[:16]), int.from_bytes(tag[16:24])),
        (_ns(offered), _ns(ended)) if _EPOCH <= offered <= ended < _LATEST else None,
        [link_to(trace, span) for trace, span in sides if trace is not None and span is not None],
    )


def _tell(each: _Ended, known: Collection[str]) -> None:
    """The span from offer to end, linked to the calls that published both, and the duration with it as its example."""
    # Anybody may offer to anybody, and invent whom: a metric has a series for each that it is told.
    counted = registered(each.said, known)
    HANDOFFS.add(1, counted)
    span = None if each.times is None else FINISHED.span(_NAME, each.ids, each.times, each.said, each.links)
    token = None if span is None else attach(span)
    try:
        HANDOFF_DURATION.record(each.seconds, counted)
    finally:
        if token is not None:
            detach(token)


def _ns(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1_000
