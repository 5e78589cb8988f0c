"""Pulls of those who do not see everything: each is answered, and written in the access log, in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from fastapi import Response

from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.access_log.request_row import current_request, mark_logged
from pathline_gateway.access_log.writer import Outcome, What, build_access
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.purpose import AccessPurpose, PurposeError, parse_access_purpose
from pathline_gateway.auth.reader import Reader, reader_of
from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.pathways.errors import pathway_not_found, subject_not_found
from pathline_gateway.pull.endpoints import PullRequest
from pathline_gateway.pull.paging import REQUESTED_FIRST_PAGE, PageAsked, RequestedPage, encode_cursor, next_link
from pathline_gateway.pull.reader_view import View, build_view
from pathline_gateway.pull.seen_pages import VisiblePage, load_seen_page, slice_page
from pathline_gateway.pull.unrestricted import redirect_to_pathway, trace_response
from pathline_gateway.telemetry.instruments import start_span
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.handoffs import render_visible_handoffs
from pathline_gateway.visibility.loading import load_visible_as_of
from pathline_gateway.visibility.padding import PADDING, Padding, is_restricted
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import anchor_id_of, handle_of
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.uncomputable import uncomputable_as_problem
from pathline_gateway.web.problem import Problem

_RESPONSE_HEADERS: Final = {
    "cache-control": "private, no-cache",
    "vary": "authorization, pathline-purpose, pathline-authority",
}

_ONE_STEP: Final = PageAsked(limit=1)
"""Enough to know what a pathway is called."""


@dataclass
class _ReaderTransaction:
    """One request of one reader, and what is to be logged of it."""

    connection: asyncpg.Connection
    caller: Caller
    access_purpose: AccessPurpose
    reader: Reader
    key: ReaderKey
    now: datetime

    async def find_by_name(self, name: UUID, page_range: PageAsked) -> VisiblePage | UUID | None:
        """What she sees of the pathway that she calls so; what she calls it now; None when she never called one so."""
        anchor_id = anchor_id_of(self.reader, self.key, name)
        ref_row = await visibility_repository.find_ref_by_anchor(self.connection, anchor_id)
        seen = (
            None
            if ref_row is None
            else await load_seen_page(self.connection, self.reader, self.now, ref_row[1], page_range)
        )
        if (
            ref_row is None
            or seen is None
            or ref_row[0] not in {(ref.org, ref.subject) for ref in seen.visible.anchors}
        ):
            return None
        oldest_anchor_id = seen.visible.anchors[0].anchor_id
        return seen if oldest_anchor_id == anchor_id else handle_of(self.reader, self.key, oldest_anchor_id)

    async def build_view(self, seen: VisiblePage, as_of: datetime | None = None) -> View:
        """What she is served of it, its clocks as they stood at an instant, or now."""
        handoff_ids = seen.handoff_ids() if seen.has_more else None
        handoffs = await render_visible_handoffs(
            self.connection,
            self.reader,
            self.key,
            seen.context,
            as_of or self.now,
            handoff_ids,
            include_elsewhere=as_of is None,
        )
        next_cursor = None if seen.next is None else encode_cursor(self.key, seen.next)
        return await run_off_loop(
            len(seen.context.steps),
            lambda: build_view(
                self.reader, self.key, seen.visible, handoffs, context=seen.context, next_cursor=next_cursor
            ),
        )

    async def log(
        self,
        action: What,
        outcome: Outcome,
        visible: VisiblePathway | None = None,
        refs: Collection[int] = (),
        reason: str = "no-such-pathway",
    ) -> None:
        """It is in the access log once this request's transaction is committed; the reason where it was refused."""
        row = build_access(
            self.caller,
            self.access_purpose,
            action,
            outcome,
            refs=refs if visible is None else visible.refs,
            reason=reason if outcome == "refused" else None,
            mandate=None if visible is None else visible.mandate,
            request=current_request(),
            quiet=visible is not None and visible.is_concealed_access,
        )
        await access_log_repository.write(self.connection, row)


class RestrictedReader:
    """`Readers`, from the store."""

    def __init__(
        self, pool: asyncpg.Pool, secret: bytes, clock: Callable[[], datetime], padding: Padding = PADDING
    ) -> None:
        self._pool, self._secret, self._clock, self._padding = pool, secret, clock, padding

    async def search(self, pull_request: PullRequest, org: str, subject: str) -> UUID:
        """What this reader calls the pathway of this subject, where it is one by which she knows it."""
        async with self._pad_duration(pull_request), self._open_reading(pull_request, "search") as reading:
            ref_row = await visibility_repository.find_ref(reading.connection, org, subject)
            # Whether another's pseudonym exists must not cost what looking at its pathway costs.
            may_search = ref_row is not None and reading.reader.may_search_by(org, subject)
            seen_part = (
                await load_seen_page(reading.connection, reading.reader, reading.now, ref_row[1], _ONE_STEP)
                if ref_row is not None and may_search
                else None
            )
            visible = None if seen_part is None else seen_part.visible
            is_known = visible is not None and (org, subject) in {(ref.org, ref.subject) for ref in visible.anchors}
            if visible is None or not is_known:
                await reading.log("search", "refused", refs=() if ref_row is None else (ref_row[0],))
            else:
                await reading.log("search", "shown", visible)
        if visible is None or not is_known:
            raise subject_not_found()
        return handle_of(reading.reader, reading.key, visible.anchors[0].anchor_id)

    async def pull(
        self,
        pull_request: PullRequest,
        pathway: UUID,
        if_none_match: str | None,
        as_of: datetime | None = None,
        requested_page: RequestedPage = REQUESTED_FIRST_PAGE,
    ) -> Response:
        """What this reader sees of the pathway; 304 where she has it already."""
        with start_span("pull pathway"):
            async with self._pad_duration(pull_request), self._open_reading(pull_request, "pathway") as reading:
                if as_of is None:
                    response = await _pull(reading, pathway, if_none_match, requested_page)
                else:
                    response = await _pull_as_of(reading, pathway, as_of, requested_page)
        if response is None:
            raise pathway_not_found()
        return response

    async def read_view(
        self,
        pull_request: PullRequest,
        pathway: UUID,
        action: What,
        requested_page: RequestedPage = REQUESTED_FIRST_PAGE,
    ) -> View | UUID | None:
        """What this reader sees of the pathway; its other id; None where she sees none."""
        async with self._open_reading(pull_request, action) as reading:
            seen = await reading.find_by_name(pathway, requested_page.parse(reading.key))
            if not isinstance(seen, VisiblePage):
                await reading.log(action, "refused" if seen is None else "moved")
                return seen
            await reading.log(action, "shown", seen.visible)
            return await reading.build_view(seen)

    async def trace(
        self, pull_request: PullRequest, pathway: UUID, requested_page: RequestedPage = REQUESTED_FIRST_PAGE
    ) -> Response:
        """The same as a trace."""
        with start_span("pull trace"):
            async with self._pad_duration(pull_request), self._open_reading(pull_request, "trace") as reading:
                response = await _trace(reading, pathway, requested_page)
        if response is None:
            raise pathway_not_found()
        return response

    def _pad_duration(self, pull_request: PullRequest) -> contextlib.AbstractAsyncContextManager[None]:
        return self._padding.padded(enabled=is_restricted(pull_request.caller))

    @contextlib.asynccontextmanager
    async def _open_reading(self, pull_request: PullRequest, action: What) -> AsyncIterator[_ReaderTransaction]:
        """One moment of the store, and a transaction that keeps what is logged. Raises Problem."""
        access_purpose = parse_stated_purpose(pull_request)
        reader = reader_of(pull_request.caller, access_purpose)
        if reader is None:
            async with self._pool.acquire() as connection:
                await _log_not_a_reader(connection, pull_request.caller, access_purpose, action)
            mark_logged()
            raise not_a_reader_problem()
        key = ReaderKey(self._secret, reader.name)
        with uncomputable_as_problem():
            async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
                yield _ReaderTransaction(connection, pull_request.caller, access_purpose, reader, key, self._clock())
        mark_logged()


def parse_stated_purpose(pull_request: PullRequest) -> AccessPurpose:
    """What the reader says that she reads for. Raises Problem."""
    try:
        return parse_access_purpose(pull_request.purpose, pull_request.authority)
    except PurposeError as error:
        raise Problem(400, error.reason, error.detail) from None


def not_a_reader_problem() -> Problem:
    """The caller has no role that reads a person's pathway."""
    return Problem(403, "not-a-reader", "pathways are read by organisations, citizens, helpers and operators")


async def _log_not_a_reader(
    connection: asyncpg.Connection, caller: Caller, access_purpose: AccessPurpose, action: What
) -> None:
    row = build_access(caller, access_purpose, action, "refused", reason="not-a-reader", request=current_request())
    await access_log_repository.write(connection, row)


async def _pull(
    reading: _ReaderTransaction, pathway: UUID, if_none_match: str | None, requested_page: RequestedPage
) -> Response | None:
    seen = await reading.find_by_name(pathway, requested_page.parse(reading.key))
    if not isinstance(seen, VisiblePage):
        return await _redirect(reading, "pathway", seen, requested_page=requested_page)
    served_view = await reading.build_view(seen)
    headers = _build_headers(served_view, f"/v1/pathways/{served_view.pathway}", requested_page)
    tags = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if tags & {headers["etag"], "*"}:
        await reading.log("pathway", "unchanged", seen.visible)
        return Response(status_code=304, headers=headers)
    await reading.log("pathway", "shown", seen.visible)
    return Response(served_view.body, 200, headers, "application/json")


async def _pull_as_of(
    reading: _ReaderTransaction, pathway: UUID, as_of: datetime, requested_page: RequestedPage
) -> Response | None:
    """The steps and refs of then, less what is concealed now."""
    if reading.reader.kind != "operator":
        await reading.log("pathway", "refused", reason="forbidden")
        return Problem(403, "forbidden", "as_of: what was then is told to operators alone").to_response()
    visible = await load_visible_as_of(reading.connection, reading.reader, reading.now, pathway, as_of)
    if not isinstance(visible, VisiblePathway):
        return await _redirect(reading, "pathway", visible, requested_page=requested_page, as_of=as_of)
    seen_part = slice_page(visible, requested_page.parse(reading.key))
    await reading.log("pathway", "shown", seen_part.visible)
    served_view = await reading.build_view(seen_part, as_of)
    headers = _build_headers(served_view, f"/v1/pathways/{served_view.pathway}", requested_page, as_of)
    return Response(served_view.body, 200, headers, "application/json")


async def _trace(reading: _ReaderTransaction, pathway: UUID, requested_page: RequestedPage) -> Response | None:
    seen = await reading.find_by_name(pathway, requested_page.parse(reading.key))
    if not isinstance(seen, VisiblePage):
        return await _redirect(reading, "trace", seen, "/trace", requested_page)
    await reading.log("trace", "shown", seen.visible)
    served_view = await reading.build_view(seen)
    return trace_response(
        await run_off_loop(len(served_view.steps), served_view.trace),
        served_view.next,
        served_view.pathway,
        requested_page,
        _RESPONSE_HEADERS,
    )


def _build_headers(
    served_view: View, path: str, requested_page: RequestedPage, as_of: datetime | None = None
) -> dict[str, str]:
    link = {} if served_view.next is None else {"link": next_link(path, served_view.next, requested_page.limit, as_of)}
    return {"etag": f'"{served_view.version}"', **_RESPONSE_HEADERS, **link}


async def _redirect(
    reading: _ReaderTransaction,
    action: What,
    new_name: UUID | None,
    suffix: str = "",
    requested_page: RequestedPage = REQUESTED_FIRST_PAGE,
    as_of: datetime | None = None,
) -> Response | None:
    await reading.log(action, "refused" if new_name is None else "moved")
    return None if new_name is None else redirect_to_pathway(new_name, suffix, requested_page, as_of)
