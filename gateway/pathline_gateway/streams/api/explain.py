"""Why a subscription was given an event, or was not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg

from pathline_gateway.access_log import request_row
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.reader import Reader
from pathline_gateway.streams.dispatch import delivered_repository
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.filter_attributes import as_sent, is_told_as_sent, to_others
from pathline_gateway.streams.subscriptions.filters import matcher
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.visibility.loading import seen_of

Because = Literal["given", "withheld", "unknown", "before", "filtered", "waiting", "not-shown"]

DETAILS: Mapping[Because, str] = {
    "given": "it was delivered under this number",
    "withheld": "it was delivered under this number, and you may no longer see it: the number stays as a marker",
    "unknown": "there is no such event that you may know of. Nobody published it, it is parked or no step, or you may"
    " not see it. An operator finds refused records under /v1/parked",
    "before": "it was stored before the subscription was made",
    "filtered": "it is not wanted by",
    "waiting": "it is stored, and not yet looked at: ask again in a second",
    "not-shown": "you may see it now, and might not when it was stored",
}


async def explain(
    connection: asyncpg.Connection, subscription: Subscription, caller: Caller, source: str, id: str, now: datetime
) -> dict[str, Any]:
    """The answer of `…/explain`. Call within a transaction whose statements see one moment.

    An operator is told of what he may see himself, whoever subscribed.
    """
    number = await delivered_repository.number_of(connection, subscription.id, source, id)
    row = await subscription_repository.event(connection, source, id)
    own = row is not None and is_told_as_sent(subscription, row["org"])
    sight = VisibilityCache(connection, now)
    sees = own or (row is not None and await sight.sees(subscription, row["pathway"], (source, id)))
    if row is not None and not await _may_ask(connection, subscription, caller, row["pathway"], (source, id), now):
        row, number, own, sees = None, None, False, False
    if row is not None:
        await _logged(sight, subscription, row, sees=sees)
    if number is not None and row is None:  # a notice of the gateway's own
        return _because("given", number)
    if number is not None:
        return _because("given" if sees else "withheld", number)
    if row is None or not sees:
        return _because("unknown")
    if row["received_at"] < subscription.created_at:
        return _because("before")
    said = as_sent(row) if own else to_others(row)
    for n, each in enumerate(subscription.filters):
        if not matcher([each])(said):
            return _because("filtered", detail=f"{DETAILS['filtered']} filters[{n}]")
    return _because("not-shown" if row["all_looked_at"] else "waiting")


async def _may_ask(
    connection: asyncpg.Connection,
    subscription: Subscription,
    caller: Caller,
    pathway: UUID,
    event: tuple[str, str],
    now: datetime,
) -> bool:
    if caller.open or caller.org == subscription.org:
        return True
    seen = await seen_of(connection, Reader("operator", caller.roles), now, pathway)
    return seen is not None and event in {(each.told.step.source, each.told.step.id) for each in seen.steps}


async def _logged(sight: VisibilityCache, subscription: Subscription, row: asyncpg.Record, *, sees: bool) -> None:
    """That it was asked about is in the access log; the person is told of it where nothing concealed tells of it."""
    if request_row.current() is None:
        return
    found = await sight.of(subscription, row["pathway"])
    told = sees and found is not None and not found.seen.quiet
    request_row.tells_of(*(((row["ref"],), ()) if told else ((), (row["ref"],))))


def _because(why: Because, number: int | None = None, detail: str | None = None) -> dict[str, Any]:
    return {"given": number is not None, "number": number, "because": why, "detail": detail or DETAILS[why]}
