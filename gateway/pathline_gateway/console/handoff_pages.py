"""`/console/handoffs`: who hands to whom, and how that goes; those of one pair, the worst first; and who is silent."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Depends, Query, Response

from pathline_gateway.access_log.request_row import read_transaction
from pathline_gateway.auth.dependencies import OperatorCaller
from pathline_gateway.console.front_pages import LOOKBACK, overview_scope, silent_overview_scope
from pathline_gateway.console.handoff_summary import pair_name, summarize_handoff, summarize_pairs
from pathline_gateway.handoffs import overview_repository
from pathline_gateway.handoffs.overview_repository import PairCursor
from pathline_gateway.visibility.handoff_access_log import log_accessed_handoffs
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.context import Clock, Context, SlowPool
from pathline_gateway.web.patterns import CODES
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.query_parameters import AllKnown
from pathline_gateway.web.templates import render_page

_MAX_PAIRS: Final = 500
_MAX_LISTED: Final = 200

Code = Annotated[str, Query(max_length=64, pattern=CODES)]
From = Annotated[str, Query(max_length=64, pattern=CODES, alias="from")]
After = Annotated[str | None, Query(max_length=2_000)]
Skip = Annotated[int, Query(ge=0, le=1_000_000)]


async def _console_key(context: Context) -> ReaderKey:
    """In addresses no hand-off is named: what an organisation calls it may say something of somebody."""
    return ReaderKey(context.secret, "console")


ConsoleKey = Annotated[ReaderKey, Depends(_console_key)]

router = APIRouter(include_in_schema=False)


@router.get("/console/handoffs", dependencies=[AllKnown])
async def pairs_page(pool: SlowPool, clock: Clock, caller: OperatorCaller, org: Code = "", skip: Skip = 0) -> Response:
    """Who is waited for?"""
    now = clock()
    async with read_transaction(pool) as connection:
        scope = await overview_scope(connection, caller, now)
        n, pairs = await overview_repository.list_pairs(connection, scope, _MAX_PAIRS, org, skip)
        orgs = await overview_repository.list_organisations(connection, scope)
    # Figures of this moment: between two pages, a pair may have moved to the one before.
    remaining = n - skip - len(pairs)
    next_query = urlencode({"org": org, "skip": skip + _MAX_PAIRS}) if remaining > 0 else None
    return render_page(
        "handoffs.html",
        pairs=summarize_pairs(pairs),
        orgs=orgs,
        org=org,
        days=LOOKBACK.days,
        first=skip == 0,
        left=remaining,
        following=next_query,
    )


@router.get("/console/handoffs/pair", dependencies=[AllKnown])
async def pair_page(
    pool: SlowPool,
    key: ConsoleKey,
    clock: Clock,
    caller: OperatorCaller,
    sender: From,
    to: Code = "",
    after: After = None,
) -> Response:
    """Which people wait, for how long?"""
    now, position = clock(), _decode_cursor(key, "pair", after)
    after_place = (
        None
        if position is None
        else PairCursor(position[0], position[1], _parse_instant(position[2]), datetime.fromisoformat(position[3]))
    )
    async with read_transaction(pool) as connection:
        scope = await overview_scope(connection, caller, now)
        rows = await overview_repository.list_of_pair(
            connection, scope, sender, to or None, _MAX_LISTED + 1, after_place
        )
        await log_accessed_handoffs(connection, [each.handoff for each in rows[:_MAX_LISTED]])
    next_query = None
    if len(rows) > _MAX_LISTED:
        last = rows[_MAX_LISTED - 1]
        cursor = _encode_cursor(key, "pair", (last.handoff, last.ended is not None, last.silent_since, last.offered))
        next_query = urlencode({"from": sender, "to": to, "after": cursor})
    lines = [summarize_handoff(each, now) for each in rows[:_MAX_LISTED]]
    values: dict[str, Any] = {
        "lines": lines,
        "days": LOOKBACK.days,
        "first": after is None,
        "following": next_query,
    }
    return render_page("handoff_pair.html", name=pair_name(sender, to or None), **values)


@router.get("/console/handoffs/silent", dependencies=[AllKnown])
async def silent_page(
    pool: SlowPool, key: ConsoleKey, clock: Clock, caller: OperatorCaller, after: After = None
) -> Response:
    """Of whom was nothing heard in time?"""
    now, position = clock(), _decode_cursor(key, "silent", after)
    after_place = None if position is None else (str(position[0]), datetime.fromisoformat(position[1]))
    async with read_transaction(pool) as connection:
        scope = await silent_overview_scope(connection, caller, now)
        rows = await overview_repository.list_longest_silent(connection, scope, _MAX_LISTED + 1, after_place)
        await log_accessed_handoffs(connection, [each.handoff for each in rows[:_MAX_LISTED]])
    next_query = None
    if len(rows) > _MAX_LISTED:
        last = rows[_MAX_LISTED - 1]
        next_query = urlencode({"after": _encode_cursor(key, "silent", (last.handoff, last.silent_since))})
    lines = [summarize_handoff(each, now) for each in rows[:_MAX_LISTED]]
    return render_page("silent.html", silent=lines, first=after is None, following=next_query)


def _encode_cursor(key: ReaderKey, list_name: str, place: tuple[object, ...]) -> str:
    return key.seal(list_name, orjson.dumps(place).decode())


def _decode_cursor(key: ReaderKey, list_name: str, cursor: str | None) -> list[Any] | None:
    """Where a page begins. Raises Problem."""
    if cursor is None:
        return None
    text = key.unseal(list_name, cursor)
    if text is None:
        raise Problem(400, "malformed-cursor", "after must be the one that the page before leads to")
    return list(orjson.loads(text))


def _parse_instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
