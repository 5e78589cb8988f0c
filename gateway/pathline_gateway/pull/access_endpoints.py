"""`GET /v1/access`: who read what of a person's pathway, for herself, for her helper, and for auditors.

`findUsage` and `usagePeriod`, `logtime`, `receiver` and `action` are the names of the Estonian Data Tracker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
from pathline_gateway.access_log.access import RETENTION
from pathline_gateway.access_log.repository import LoggedAccess
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.dependencies import AccessLogReader
from pathline_gateway.auth.reader import Reader, reader_of
from pathline_gateway.pathways.errors import pathway_not_found
from pathline_gateway.reserved_names import CITIZEN_ORGANISATION
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.loading import load_own_visible, load_visible
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import anchor_id_of
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.uncomputable_problem import closed_where_uncomputable
from pathline_gateway.web.context import Context
from pathline_gateway.web.list_parameters import AFTER_DESCRIPTION, LIMIT_DESCRIPTION
from pathline_gateway.web.problem import Problem

_MAX_LIMIT = 500
_AUDITOR: Final = "auditor:"
"""What the cursors of auditors are keyed with."""


class AccessReader(BaseModel):
    """Who looked: never a name of staff."""

    kind: str
    """operator, organisation, citizen or helper; none where the role reads no pathways."""
    org: str | None


class AccessEntry(BaseModel):
    """One reading, or one refusal."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: UUID
    """Keyed for the reader of the log."""
    logtime: datetime
    receiver: AccessReader
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
    """The route of the request; for auditors."""
    about: str | None
    """What an act was about; for auditors."""


class RetentionPeriod(BaseModel):
    """The days that the log is kept for."""

    since: str
    until: str


class AccessEntries(BaseModel):
    """The latest first; `next` is the `before` of the next page."""

    findUsage: list[AccessEntry]  # noqa: N815
    usagePeriod: RetentionPeriod  # noqa: N815
    next: UUID | None


@dataclass(frozen=True, slots=True)
class _Page:
    key: ReaderKey
    before_id: int
    limit: int
    now: datetime

    def serve(self, entries: list[LoggedAccess], for_auditor: bool) -> dict[str, Any]:
        """The entries, of which one more than the page holds was asked for."""
        page = entries[: self.limit]
        next_cursor = self.key.handle(UUID(int=page[-1].id)) if len(entries) > self.limit else None
        period = {"since": str((self.now - RETENTION).date()), "until": str(self.now.date())}
        return {
            "findUsage": [_serve_entry(self.key, each, for_auditor) for each in page],
            "usagePeriod": period,
            "next": next_cursor,
        }


router = APIRouter(tags=["access"])


@router.get("/v1/access", summary="List who read a pathway", response_model=AccessEntries)
async def list_accesses(
    context: Context,
    caller: AccessLogReader,
    pathway: Annotated[UUID | None, Query(description="Whose: for a helper; a citizen asks of herself")] = None,
    before: Annotated[UUID | None, Query(description=AFTER_DESCRIPTION)] = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_LIMIT, description=LIMIT_DESCRIPTION)] = 100,
) -> dict[str, Any]:
    """Of the caller's own pathway, or of the one whose id a helper gives; an auditor is told all, of nobody."""
    if caller.has_any_role(Role.AUDITOR):
        key = ReaderKey(context.secret, _AUDITOR)
        page = _Page(key, _decode_cursor(key, before), limit, context.clock())
        async with row.read_transaction(context.pool) as connection:
            return page.serve(
                await access_log_repository.list_all(connection, page.before_id, limit + 1), for_auditor=True
            )
    reader = reader_of(caller)
    if reader is None or reader.kind != "person":
        raise Problem(403, "not-for-you", "who read a pathway is told to the person, her helper and auditors")
    key = ReaderKey(context.secret, reader.name)
    page = _Page(key, _decode_cursor(key, before), limit, context.clock())

    async def read(is_closed: bool) -> dict[str, Any]:
        load = load_own_visible if is_closed else load_visible
        async with row.read_transaction(context.pool) as connection:
            visible = await _load_visible(connection, reader, key, page.now, pathway, load)
            refs = [] if visible is None else visible.refs
            row.add_refs(refs)
            entries = await access_log_repository.find_by_refs(
                connection, refs, page.before_id, limit + 1, page.now - RETENTION
            )
        return page.serve(entries, for_auditor=False)

    return await closed_where_uncomputable(read)


async def _load_visible(
    connection: asyncpg.Connection,
    reader: Reader,
    key: ReaderKey,
    now: datetime,
    pathway: UUID | None,
    load: Callable[[asyncpg.Connection, Reader, datetime, UUID], Awaitable[VisiblePathway | None]],
) -> VisiblePathway | None:
    """What she sees of the pathway of this name, or of her own. Raises Problem."""
    if pathway is None:
        ref_row = await visibility_repository.find_ref(connection, CITIZEN_ORGANISATION, reader.account or "")
        return None if ref_row is None else await load(connection, reader, now, ref_row[1])
    anchor_row = await visibility_repository.find_ref_by_anchor(connection, anchor_id_of(reader, key, pathway))
    visible = None if anchor_row is None else await load(connection, reader, now, anchor_row[1])
    if (
        anchor_row is None
        or visible is None
        or anchor_row[0] not in {(ref.org, ref.subject) for ref in visible.anchors}
    ):
        raise pathway_not_found()
    return visible


def _decode_cursor(key: ReaderKey, cursor: UUID | None) -> int:
    """The cursor's number: enciphered, because it would tell how much there is besides."""
    number = access_log_repository.MAX_ID if cursor is None else key.anchor_id(cursor).int
    if number > access_log_repository.MAX_ID:
        raise Problem(400, "malformed-cursor", "before must be the `next` of an earlier answer")
    return number


def _serve_entry(key: ReaderKey, logged: LoggedAccess, for_auditor: bool) -> dict[str, Any]:
    access = logged.access
    return {
        "id": key.handle(UUID(int=logged.id)),
        "logtime": instant.to_text(logged.at),
        "receiver": {"kind": access.kind, "org": access.org},
        "action": access.action,
        "outcome": access.outcome,
        "reason": access.reason,
        "purpose": access.purpose,
        "basis": access.basis,
        "instrument": access.instrument,
        "mandate": None if access.mandate is None else _mandate_name(key, access.mandate),
        "trace": access.trace_id.hex() if for_auditor and access.trace_id else None,
        "caller_trace": access.caller_trace_id.hex() if for_auditor and access.caller_trace_id else None,
        "who": access.actor_digest if for_auditor else None,
        "route": access.route if for_auditor else None,
        "about": access.about if for_auditor else None,
    }


def _mandate_name(key: ReaderKey, mandate: str) -> str:
    """Her own mandate by the id that she gave it; another organisation's by a name of the reader's."""
    org, _, id = mandate.partition(":")
    return id if org == CITIZEN_ORGANISATION else key.identifier(org, id)
