"""`/console/parked`: what was refused and why, by publisher and reason; replayed or discarded with plain forms.

No value of a record stands here: it may be personal, and is only in the record itself.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import asyncpg
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse

from pathline_gateway.access_log.request_row import read_transaction
from pathline_gateway.auth.dependencies import Operator
from pathline_gateway.parked import overview_repository
from pathline_gateway.parked.discard import discard
from pathline_gateway.parked.endpoints import (
    MAX_RECORDS,
    OfPublisher,
    OfReason,
    Publisher,
    Reason,
    count_outcomes,
    find_concealing_orgs,
)
from pathline_gateway.parked.gauge import update_gauge
from pathline_gateway.parked.overview_repository import ParkedFilter
from pathline_gateway.parked.redaction import is_filter_allowed, redact_groups
from pathline_gateway.parked.replay import ReplayRules, replay
from pathline_gateway.web.context import RegisterUnknown, RequestPool
from pathline_gateway.web.forms import OwnForm, parse_form
from pathline_gateway.web.list_parameters import AfterId
from pathline_gateway.web.patterns import STORABLE
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import render_page

_MAX_LISTED = 20
"""Records of a group that are listed where all groups are; of one group, the next hundred."""
_MAX_LISTED_OF_GROUP = 100
_ADVICE = "say which records: reason, org and last, as the page has them"

ResultCount = Annotated[int | None, Query(ge=0)]


class ParkedGroupForm(BaseModel):
    """One group of the page, up to the last record that it counted."""

    reason: Reason
    org: Publisher
    last: Annotated[int, Field(ge=1, lt=2**63)]
    because: Annotated[str, Field(max_length=500, pattern=STORABLE)] = ""

    @property
    def record_filter(self) -> ParkedFilter:
        """The filter that selects these records."""
        return ParkedFilter(self.reason, self.org)


router = APIRouter(include_in_schema=False)


@router.get("/console/parked")
async def parked_page(
    pool: RequestPool,
    register_unknown: RegisterUnknown,
    _: Operator,
    replayed: ResultCount = None,
    still: ResultCount = None,
    discarded: ResultCount = None,
    more: ResultCount = None,
    reason: OfReason = None,
    org: OfPublisher = None,
    after: AfterId = 0,
) -> Response:
    """What was refused, and why? All groups; or one, from a record on."""
    limit = _MAX_LISTED if reason is None and org is None else _MAX_LISTED_OF_GROUP
    async with read_transaction(pool) as connection:
        concealing_orgs = await find_concealing_orgs(connection, register_unknown=register_unknown)
        record_filter = ParkedFilter(reason, org)
        rows = (
            await overview_repository.groups(connection, record_filter)
            if is_filter_allowed(record_filter, concealing_orgs)
            else []
        )
        groups = [
            (
                group,
                await overview_repository.page(connection, ParkedFilter(group.reason, group.org or ""), after, limit),
            )
            for group in redact_groups(rows, concealing_orgs)
        ]
    done = {"replayed": replayed, "still": still, "discarded": discarded, "more": more}
    return render_page("parked.html", referrer="same-origin", groups=groups, done=done, after=after, listed=limit)


@router.post("/console/parked/replay")
async def replay_group(pool: RequestPool, register_unknown: RegisterUnknown, by: Operator, form: OwnForm) -> Response:
    """The records of a group are read again, the next thousand at once."""
    group = parse_form(form, ParkedGroupForm, _ADVICE)
    rules = ReplayRules(by, register_unknown)
    async with pool.acquire() as connection:
        is_allowed = await _is_allowed(connection, group, register_unknown=register_unknown)
        ids = await _next_ids(connection, group, 0) if is_allowed else []
        counts = count_outcomes([await replay(connection, rules, id) for id in ids])
    await update_gauge(pool)
    return _redirect(replayed=counts["replayed"], still=counts["still_parked"], more=int(len(ids) == MAX_RECORDS))


@router.post("/console/parked/discard")
async def discard_group(pool: RequestPool, register_unknown: RegisterUnknown, by: Operator, form: OwnForm) -> Response:
    """The records of a group are put aside, for the reason that was given."""
    group = parse_form(form, ParkedGroupForm, _ADVICE)
    if not group.because:
        raise Problem(422, "invalid-request", "because: say why nobody will mend these records")
    discarded_count, after = 0, 0
    async with pool.acquire() as connection:
        is_allowed = await _is_allowed(connection, group, register_unknown=register_unknown)
        while is_allowed and (ids := await _next_ids(connection, group, after)):
            discarded_count += len(await discard(connection, ids, by, group.because))
            after = ids[-1]
    await update_gauge(pool)
    return _redirect(discarded=discarded_count)


async def _is_allowed(connection: asyncpg.Connection, group: ParkedGroupForm, *, register_unknown: bool) -> bool:
    """Whether the group is one of the page's: an organisation that conceals has none."""
    concealing_orgs = await find_concealing_orgs(connection, register_unknown=register_unknown)
    return is_filter_allowed(group.record_filter, concealing_orgs)


async def _next_ids(connection: asyncpg.Connection, group: ParkedGroupForm, after: int) -> list[int]:
    return await overview_repository.ids(connection, group.record_filter, after, group.last, MAX_RECORDS)


def _redirect(**done: int) -> Response:
    return RedirectResponse(f"/console/parked?{urlencode(done)}", 303)
