"""`/console/parked`: what was refused and why, by publisher and reason; replayed or discarded with plain forms.

No value of a record stands here: it may be personal, and is only in the record itself.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import asyncpg
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import RedirectResponse

from pathline_gateway.access_log.request_row import reading
from pathline_gateway.auth.dependencies import Operator
from pathline_gateway.parked import overview_repository
from pathline_gateway.parked.discard import discard
from pathline_gateway.parked.endpoints import MOST, After, OfPublisher, OfReason, Publisher, Reason, counted
from pathline_gateway.parked.gauge import look
from pathline_gateway.parked.overview_repository import ParkedFilter
from pathline_gateway.parked.redaction import may_be_asked_for, shown_groups
from pathline_gateway.parked.replay import ReplayRules, replay
from pathline_gateway.web import forms
from pathline_gateway.web.patterns import STORABLE
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import page

_LISTED = 20
"""Records of a group that are listed where all groups are; of one group, the next hundred."""
_OF_GROUP = 100

Told = Annotated[int | None, Query(ge=0)]


class Chosen(BaseModel):
    """One group of the page, up to the last record that it counted."""

    reason: Reason
    org: Publisher
    last: Annotated[int, Field(ge=1, lt=2**63)]
    because: Annotated[str, Field(max_length=500, pattern=STORABLE)] = ""

    @property
    def wanted(self) -> ParkedFilter:
        """These records."""
        return ParkedFilter(self.reason, self.org)


def routes(pool: asyncpg.Pool, register_unknown: bool) -> APIRouter:
    """`/console/parked`, and what its two forms send."""
    router = APIRouter(include_in_schema=False)

    @router.get("/console/parked")
    async def parked(
        _: Operator,
        replayed: Told = None,
        still: Told = None,
        discarded: Told = None,
        more: Told = None,
        reason: OfReason = None,
        org: OfPublisher = None,
        after: After = 0,
    ) -> Response:
        """What was refused, and why? All groups; or one, from a record on."""
        listed = _LISTED if reason is None and org is None else _OF_GROUP
        async with reading(pool) as connection:
            hidden = frozenset[str]() if register_unknown else await overview_repository.concealing(connection)
            wanted = ParkedFilter(reason, org)
            found = await overview_repository.groups(connection, wanted) if may_be_asked_for(wanted, hidden) else []
            groups = [
                (
                    group,
                    await overview_repository.page(
                        connection, ParkedFilter(group.reason, group.org or ""), after, listed
                    ),
                )
                for group in shown_groups(found, hidden)
            ]
        done = {"replayed": replayed, "still": still, "discarded": discarded, "more": more}
        return page("parked.html", referrer="same-origin", groups=groups, done=done, after=after, listed=listed)

    @router.post("/console/parked/replay")
    async def replays(by: Operator, request: Request) -> Response:
        """The records of a group are read again, the next thousand at once."""
        chosen = await _chosen(request)
        rules = ReplayRules(by, register_unknown)
        async with pool.acquire() as connection:
            ids = await overview_repository.ids(connection, chosen.wanted, 0, chosen.last, MOST)
            said = counted([await replay(connection, rules, id) for id in ids])
        await look(pool)
        return _back(replayed=said["replayed"], still=said["still_parked"], more=int(len(ids) == MOST))

    @router.post("/console/parked/discard")
    async def discards(by: Operator, request: Request) -> Response:
        """The records of a group are put aside, for the reason that was given."""
        chosen = await _chosen(request)
        if not chosen.because:
            raise Problem(422, "invalid-request", "because: say why nobody will mend these records")
        n, after = 0, 0
        async with pool.acquire() as connection:
            while ids := await overview_repository.ids(connection, chosen.wanted, after, chosen.last, MOST):
                n += len(await discard(connection, ids, by, chosen.because))
                after = ids[-1]
        await look(pool)
        return _back(discarded=n)

    return router


async def _chosen(request: Request) -> Chosen:
    if not forms.is_ours(request):
        raise Problem(403, "foreign-form", "the form was not sent by a page of this gateway")
    try:
        return Chosen.model_validate(await forms.sent(request))
    except ValidationError:
        raise Problem(422, "invalid-request", "say which records: reason, org and last, as the page has them") from None


def _back(**done: int) -> Response:
    return RedirectResponse(f"/console/parked?{urlencode(done)}", 303)
