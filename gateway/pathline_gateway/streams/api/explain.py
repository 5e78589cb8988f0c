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
from pathline_gateway.streams.subscriptions.filter_attributes import (
    redacted_attributes,
    sees_unredacted,
    unredacted_attributes,
)
from pathline_gateway.streams.subscriptions.filters import compile_filters
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.visibility.loading import load_visible

ExplanationCode = Literal["given", "withheld", "unknown", "before", "filtered", "waiting", "not-shown"]

DETAILS: Mapping[ExplanationCode, str] = {
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
    number = await delivered_repository.find_number(connection, subscription.id, source, id)
    row = await subscription_repository.find_event(connection, subscription.id, source, id)
    is_own = row is not None and sees_unredacted(subscription, row["org"])
    visibility = VisibilityCache(connection, now)
    is_visible = is_own or (row is not None and await visibility.can_see(subscription, row["pathway"], (source, id)))
    if row is not None and not await _may_ask(connection, subscription, caller, row["pathway"], (source, id), now):
        row, number, is_own, is_visible = None, None, False, False
    if row is not None:
        await _log_explanation(visibility, subscription, row, is_visible=is_visible)
    if number is not None and row is None:  # a notice of the gateway's own
        return _explanation("given", number)
    if number is not None:
        return _explanation("given" if is_visible else "withheld", number)
    if row is None or not is_visible:
        return _explanation("unknown")
    if row["received_at"] < subscription.created_at:
        return _explanation("before")
    attributes = unredacted_attributes(row) if is_own else redacted_attributes(row)
    for n, each in enumerate(subscription.filters):
        if not compile_filters([each])(attributes):
            return _explanation("filtered", detail=f"{DETAILS['filtered']} filters[{n}]")
    return _explanation("not-shown" if row["all_looked_at"] else "waiting")


async def _may_ask(
    connection: asyncpg.Connection,
    subscription: Subscription,
    caller: Caller,
    pathway: UUID,
    event: tuple[str, str],
    now: datetime,
) -> bool:
    if caller.auth_disabled or caller.org == subscription.org:
        return True
    visible_pathway = await load_visible(connection, Reader("operator", caller.roles), now, pathway)
    return visible_pathway is not None and event in {
        (each.parsed.step.source, each.parsed.step.id) for each in visible_pathway.steps
    }


async def _log_explanation(
    visibility: VisibilityCache, subscription: Subscription, row: asyncpg.Record, *, is_visible: bool
) -> None:
    """That it was asked about is in the access log; the person is told of it where nothing concealed tells of it."""
    if request_row.current() is None:
        return
    view = await visibility.view(subscription, row["pathway"])
    is_disclosed = is_visible and view is not None and not view.visible_pathway.is_concealed_access
    request_row.add_refs(*(((row["ref"],), ()) if is_disclosed else ((), (row["ref"],))))


def _explanation(reason: ExplanationCode, number: int | None = None, detail: str | None = None) -> dict[str, Any]:
    return {"given": number is not None, "number": number, "because": reason, "detail": detail or DETAILS[reason]}
