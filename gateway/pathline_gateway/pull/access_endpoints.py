"""`GET /v1/access`: who read what of a person's pathway, for herself, for her helper, and for auditors.

`findUsage` and `usagePeriod`, `logtime`, `receiver` and `action` are the names of the Estonian Data Tracker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from pathline import instant
from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.access_log import request_row as row
from pathline_gateway.access_log.repository import Logged
from pathline_gateway.access_log.writer import KEPT
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.auth.reader import Reader, reader_of
from pathline_gateway.pathways.errors import no_such_pathway
from pathline_gateway.reserved_names import CITIZENS
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.loading import seen_of
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import birth_of
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.web.openapi_responses import AFTER, LIMIT
from pathline_gateway.web.problem import Problem

_MOST = 500
_AUDITOR: Final = "auditor:"
"""What the cursors of auditors are keyed with."""


class WhoLooked(BaseModel):
    """Who looked: never a name of staff."""

    kind: str
    """operator, organisation, citizen or helper; none where the role reads no pathways."""
    org: str | None


class Usage(BaseModel):
    """One reading, or one refusal."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: UUID
    """Keyed for the reader of the log."""
    logtime: datetime
    receiver: WhoLooked
    action: str
    """What was read or done, such as search, pathway, trace, stream or handoffs."""
    outcome: str
    """shown, unchanged, moved, refused, done or failed."""
    reason: str | None
    """Why it was refused, or failed."""
    purpose: str | None
    basis: str | None
    instrument: str | None
    mandate: str | None
    """The mandate by which a helper looked."""
    trace: str | None
    """The gateway's own number of the request: `pathline.request` of its span; for auditors."""
    caller_trace: str | None
    """The trace that the caller says that her request belongs to; for auditors."""
    who: str | None
    """Who asked: the same for each request of one person or system, and no name; for auditors."""
    route: str | None
    """What was asked; for auditors."""
    about: str | None
    """What an act was about; for auditors."""


class Period(BaseModel):
    """The days that the log is kept for."""

    since: str
    until: str


class Usages(BaseModel):
    """The latest first; `next` is the `before` of the next page."""

    findUsage: list[Usage]  # noqa: N815
    usagePeriod: Period  # noqa: N815
    next: UUID | None


@dataclass(frozen=True, slots=True)
class _Page:
    key: ReaderKey
    before: int
    limit: int
    now: datetime

    def served(self, found: list[Logged], whole: bool) -> dict[str, Any]:
        """The entries, of which one more than the page holds was asked for."""
        page = found[: self.limit]
        more = self.key.handle(UUID(int=page[-1].id)) if len(found) > self.limit else None
        period = {"since": str((self.now - KEPT).date()), "until": str(self.now.date())}
        return {"findUsage": [_entry(self.key, each, whole) for each in page], "usagePeriod": period, "next": more}


def routes(pool: asyncpg.Pool, secret: bytes, clock: Callable[[], datetime]) -> APIRouter:
    """`GET /v1/access`."""
    router = APIRouter(tags=["access"])

    @router.get("/v1/access", summary="List who read a pathway", response_model=Usages)
    async def accesses(
        caller: CurrentCaller,
        pathway: Annotated[UUID | None, Query(description="Whose: for a helper; a citizen asks of herself")] = None,
        before: Annotated[UUID | None, Query(description=AFTER)] = None,
        limit: Annotated[int, Query(ge=1, le=_MOST, description=LIMIT)] = 100,
    ) -> dict[str, Any]:
        """Of the caller's own pathway, or of the one whose id a helper gives; an auditor is told all, of nobody."""
        if caller.may_be(Role.AUDITOR):
            key = ReaderKey(secret, _AUDITOR)
            page = _Page(key, _number(key, before), limit, clock())
            async with row.reading(pool) as connection:
                return page.served(
                    await access_log_repository.everything(connection, page.before, limit + 1), whole=True
                )
        reader = reader_of(caller)
        if reader is None or reader.kind != "person":
            raise Problem(403, "not-for-you", "who read a pathway is told to the person, her helper and auditors")
        key = ReaderKey(secret, reader.name)
        page = _Page(key, _number(key, before), limit, clock())
        async with row.reading(pool) as connection:
            seen = await _seen(connection, reader, key, page.now, pathway)
            refs = [] if seen is None else seen.refs
            row.tells_of(refs)
            found = await access_log_repository.of_refs(connection, refs, page.before, limit + 1, page.now - KEPT)
        return page.served(found, whole=False)

    return router


async def _seen(
    connection: asyncpg.Connection, reader: Reader, key: ReaderKey, now: datetime, pathway: UUID | None
) -> VisiblePathway | None:
    """What she sees of the pathway of this name, or of her own. Raises Problem."""
    if pathway is None:
        found = await visibility_repository.ref_of(connection, CITIZENS, reader.account or "")
        return None if found is None else await seen_of(connection, reader, now, found[1])
    born = await visibility_repository.ref_born(connection, birth_of(reader, key, pathway))
    seen = None if born is None else await seen_of(connection, reader, now, born[1])
    if born is None or seen is None or born[0] not in {(ref.org, ref.subject) for ref in seen.anchors}:
        raise no_such_pathway()
    return seen


def _number(key: ReaderKey, before: UUID | None) -> int:
    """The cursor's number: enciphered, because it would tell how much there is besides."""
    number = access_log_repository.LAST if before is None else key.birth(before).int
    if number > access_log_repository.LAST:
        raise Problem(400, "malformed-cursor", "before must be the `next` of an earlier answer")
    return number


def _entry(key: ReaderKey, logged: Logged, whole: bool) -> dict[str, Any]:
    said = logged.access
    return {
        "id": key.handle(UUID(int=logged.id)),
        "logtime": instant.serve(logged.at),
        "receiver": {"kind": said.kind, "org": said.org},
        "action": said.what,
        "outcome": said.outcome,
        "reason": said.reason,
        "purpose": said.purpose,
        "basis": said.basis,
        "instrument": said.instrument,
        "mandate": None if said.mandate is None else _mandate(key, said.mandate),
        "trace": said.trace_id.hex() if whole and said.trace_id else None,
        "caller_trace": said.caller_trace.hex() if whole and said.caller_trace else None,
        "who": said.who if whole else None,
        "route": said.route if whole else None,
        "about": said.about if whole else None,
    }


def _mandate(key: ReaderKey, mandate: str) -> str:
    """Her own mandate by the id that she gave it; another organisation's by a name of the reader's."""
    org, _, id = mandate.partition(":")
    return id if org == CITIZENS else key.identifier(org, id)
