"""`/console/handoffs`: who hands to whom, and how that goes; those of one pair, the worst first; and who is silent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import asyncpg
import orjson
from fastapi import APIRouter, Query, Response

from pathline_gateway.access_log.request_row import reading
from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.console.front_page import PAST, scoped, scoped_silent
from pathline_gateway.console.handoff_summary import line, named, pair_lines
from pathline_gateway.handoffs import overview_repository
from pathline_gateway.handoffs.overview_repository import PairPlace
from pathline_gateway.visibility.handoff_accesses import tells_of_handoffs
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.web.patterns import CODES
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.query_parameters import AllKnown
from pathline_gateway.web.templates import page

_PAIRS: Final = 500
_LISTED: Final = 200

Code = Annotated[str, Query(max_length=64, pattern=CODES)]
From = Annotated[str, Query(max_length=64, pattern=CODES, alias="from")]
After = Annotated[str | None, Query(max_length=2_000)]
Skip = Annotated[int, Query(ge=0, le=1_000_000)]


def routes(pool: asyncpg.Pool, secret: bytes, clock: Callable[[], datetime]) -> APIRouter:
    """`/console/handoffs`, `/console/handoffs/pair` and `/console/handoffs/silent`."""
    router = APIRouter(include_in_schema=False)
    # In addresses no hand-off is named: what an organisation calls it may say something of somebody.
    key = ReaderKey(secret, "console")

    @router.get("/console/handoffs", dependencies=[AllKnown])
    async def handoffs(caller: CurrentCaller, org: Code = "", skip: Skip = 0) -> Response:
        """Who is waited for?"""
        now = clock()
        async with reading(pool) as connection:
            scope = await scoped(connection, caller, now)
            n, pairs = await overview_repository.pairs(connection, scope, _PAIRS, org, skip)
            orgs = await overview_repository.organisations(connection, scope)
        # Figures of this moment: between two pages, a pair may have moved to the one before.
        left = n - skip - len(pairs)
        following = urlencode({"org": org, "skip": skip + _PAIRS}) if left > 0 else None
        return page(
            "handoffs.html",
            pairs=pair_lines(pairs),
            orgs=orgs,
            org=org,
            days=PAST.days,
            first=skip == 0,
            left=left,
            following=following,
        )

    @router.get("/console/handoffs/pair", dependencies=[AllKnown])
    async def pair(caller: CurrentCaller, sender: From, to: Code = "", after: After = None) -> Response:
        """Which people wait, for how long?"""
        now, begun = clock(), _opened(key, "pair", after)
        place = (
            None
            if begun is None
            else PairPlace(begun[0], begun[1], _instant(begun[2]), datetime.fromisoformat(begun[3]))
        )
        async with reading(pool) as connection:
            scope = await scoped(connection, caller, now)
            found = await overview_repository.of_pair(connection, scope, sender, to or None, _LISTED + 1, place)
            await tells_of_handoffs(connection, [each.handoff for each in found[:_LISTED]])
        following = None
        if len(found) > _LISTED:
            last = found[_LISTED - 1]
            cursor = _sealed(key, "pair", (last.handoff, last.ended is not None, last.silent_since, last.offered))
            following = urlencode({"from": sender, "to": to, "after": cursor})
        lines = [line(each, now) for each in found[:_LISTED]]
        said: dict[str, Any] = {"lines": lines, "days": PAST.days, "first": after is None, "following": following}
        return page("handoff_pair.html", name=named(sender, to or None), **said)

    @router.get("/console/handoffs/silent", dependencies=[AllKnown])
    async def silent(caller: CurrentCaller, after: After = None) -> Response:
        """Of whom was nothing heard in time?"""
        now, begun = clock(), _opened(key, "silent", after)
        place = None if begun is None else (str(begun[0]), datetime.fromisoformat(begun[1]))
        async with reading(pool) as connection:
            scope = await scoped_silent(connection, caller, now)
            found = await overview_repository.long_silent(connection, scope, _LISTED + 1, place)
            await tells_of_handoffs(connection, [each.handoff for each in found[:_LISTED]])
        following = None
        if len(found) > _LISTED:
            last = found[_LISTED - 1]
            following = urlencode({"after": _sealed(key, "silent", (last.handoff, last.silent_since))})
        lines = [line(each, now) for each in found[:_LISTED]]
        return page("silent.html", silent=lines, first=after is None, following=following)

    return router


def _sealed(key: ReaderKey, list_: str, place: tuple[object, ...]) -> str:
    return key.seal(list_, orjson.dumps(place).decode())


def _opened(key: ReaderKey, list_: str, cursor: str | None) -> list[Any] | None:
    """Where a page begins. Raises Problem."""
    if cursor is None:
        return None
    said = key.unseal(list_, cursor)
    if said is None:
        raise Problem(400, "malformed-cursor", "after must be the one that the page before leads to")
    return list(orjson.loads(said))


def _instant(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)
