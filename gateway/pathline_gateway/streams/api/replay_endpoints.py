"""`…/replay` of a subscription: what was stored is given again, as a series of its own."""

from __future__ import annotations

from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline_gateway.auth.dependencies import Subscriber
from pathline_gateway.limits.table import Limits
from pathline_gateway.streams.api.access import SubscriptionId, require_recipient
from pathline_gateway.streams.api.delivery_schemas import NewSeries
from pathline_gateway.streams.api.services import Admission
from pathline_gateway.streams.dispatch import replay_repository
from pathline_gateway.streams.subscriptions.cursor import parse_cursor
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.web.context import RequestPool
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.patterns import STORABLE
from pathline_gateway.web.problem import Problem

_MAX_CONCURRENT_REPLAYS: Final = 2
"""Of one subscription."""
_RETRY_AFTER_S: Final = 5


class ReplayStart(BaseModel):
    """From where on to replay."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    from_: Annotated[str, Field(alias="from", max_length=64, pattern=STORABLE)]
    """A cursor of the first series, such as `n17`: events delivered after it. Or an instant: events stored since."""


router = APIRouter(tags=["subscriptions"])


@router.post(
    "/v1/subscriptions/{subscription}/replay",
    summary="Be given again what was stored",
    status_code=201,
    response_model=None,
    responses=response_docs(NewSeries, {201: "It is being given"}),
)
async def replay_events(
    pool: RequestPool, admission: Admission, caller: Subscriber, subscription: SubscriptionId, form: ReplayStart
) -> dict[str, Any]:
    """A further series, numbered from 1: of what the filters want and the organisation may see now.

    Its cursor is `next`; to a sink it is posted by itself. It ends with the last event that was delivered when it was
    asked for.
    """
    async with pool.acquire() as connection, connection.transaction():
        series = await open_series(
            connection, await require_recipient(connection, caller, subscription), form.from_, admission.limits
        )
    return {"series": series, "next": f"s{series}n0"}


async def open_series(connection: asyncpg.Connection, subscription: Subscription, start: str, limits: Limits) -> int:
    """The number of a further series from there on. Call within a transaction. Raises Problem."""
    if await replay_repository.count_unfinished(connection, subscription.id) >= _MAX_CONCURRENT_REPLAYS:
        raise Problem(
            409, "replays-going-on", f"{_MAX_CONCURRENT_REPLAYS} replays are going on: wait until one is complete"
        )
    if await replay_repository.count_unfinished_of_org(connection, subscription.org) >= limits.replays:
        raise limits.named_limit("replays").refusal(_RETRY_AFTER_S)
    after, skip_through_number = await _resolve_start(connection, subscription, start)
    return await replay_repository.create_series(connection, subscription.id, after, skip_through_number)


async def _resolve_start(connection: asyncpg.Connection, subscription: Subscription, text: str) -> tuple[int, int]:
    """After which entry of the change log, and after which number of the first series. Raises Problem."""
    if not text.startswith(("n", "s")):
        try:
            return await replay_repository.find_entry_before(connection, instant.parse(text)), 0
        except ValueError as error:
            raise Problem(422, "malformed-start", f"from: {error}, or a cursor such as n17") from None
    series, number = parse_cursor(text)
    if (series, number) == (1, 0):
        return subscription.start_seq, 0
    entry = None if series != 1 else await replay_repository.find_entry_of_number(connection, subscription.id, number)
    if entry is None:
        raise Problem(422, "malformed-start", "from: must be a cursor of the first series, or an instant")
    return entry, number
