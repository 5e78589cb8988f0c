"""Pulls of those who do not see everything: each is answered, and written in the access log, in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final, TypeVar
from uuid import UUID

import asyncpg
from fastapi import Depends, Response

from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.access_log.access import Outcome, What, build_access
from pathline_gateway.access_log.request_row import current_request, mark_logged
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.purpose import AccessPurpose, PurposeError, parse_access_purpose
from pathline_gateway.auth.reader import Reader, reader_of
from pathline_gateway.off_loop import run_off_loop
from pathline_gateway.pathways.errors import pathway_not_found, subject_not_found
from pathline_gateway.pull import kept_body_repository
from pathline_gateway.pull.lifespan import lifespan_of
from pathline_gateway.pull.page_range import PageRange
from pathline_gateway.pull.paging import REQUESTED_FIRST_PAGE, RequestedPage, encode_cursor
from pathline_gateway.pull.reader_body_cache import KeptBody, ReaderBodyCache, empty_reader_cache
from pathline_gateway.pull.reader_transaction import ReaderTransaction
from pathline_gateway.pull.reader_view import ReaderView, build_view
from pathline_gateway.pull.request import PullRequest
from pathline_gateway.pull.responses import pathway_response, redirect_to_pathway, trace_response
from pathline_gateway.pull.visible_page import VisiblePage
from pathline_gateway.telemetry.instruments import start_span
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.handoff_rendering import VisibleHandoffs, render_handoffs_for
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import anchor_id_of, handle_of
from pathline_gateway.visibility.response_time_padding import RESPONSE_TIME_PADDING, ResponseTimePadding, is_restricted
from pathline_gateway.visibility.uncomputable_problem import closed_where_uncomputable, refuse_operator
from pathline_gateway.web.context import service
from pathline_gateway.web.problem import Problem

_RESPONSE_HEADERS: Final = {
    "cache-control": "private, no-cache",
    "vary": "authorization, pathline-purpose, pathline-authority",
}

_ONE_STEP: Final = PageRange(limit=1)
"""Enough to know what a pathway is called."""

Answer = TypeVar("Answer")


class RestrictedReader:
    """Answers those who do not see everything."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        secret: bytes,
        clock: Callable[[], datetime],
        padding: ResponseTimePadding = RESPONSE_TIME_PADDING,
        cache: ReaderBodyCache | None = None,
    ) -> None:
        """`cache`: where bodies are kept that were served; None: nowhere."""
        self._pool, self._secret, self._clock, self._padding = pool, secret, clock, padding
        self._cache = empty_reader_cache() if cache is None else cache

    async def search(self, pull_request: PullRequest, org: str, subject: str) -> UUID:
        """What this reader calls the pathway of this subject, where it is one by which she knows it."""
        async with self._pad_duration(pull_request):
            name = await self._read(pull_request, "search", lambda reading: _search(reading, org, subject))
        if name is None:
            raise subject_not_found()
        return name

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
            async with self._pad_duration(pull_request):
                response = None
                if as_of is None and requested_page.is_default:
                    response = await self._answer_kept(pull_request, pathway, if_none_match)
                if response is None:
                    response = await self._read(
                        pull_request,
                        "pathway",
                        lambda reading: _pull(reading, self._cache, pathway, if_none_match, requested_page, as_of),
                    )
        if response is None:
            raise pathway_not_found()
        return response

    async def _answer_kept(
        self, pull_request: PullRequest, pathway: UUID, if_none_match: str | None
    ) -> Response | None:
        """What she was served before, logged; None where it may be something else now. Raises Problem."""
        access_purpose = parse_stated_purpose(pull_request)
        reader = reader_of(pull_request.caller, access_purpose)
        kept = None if reader is None else self._cache.find(reader, pathway, self._clock())
        if reader is None or kept is None:
            return None
        response = pathway_response(pathway, kept.version, lambda: kept.body, _RESPONSE_HEADERS, if_none_match)
        row = build_access(
            pull_request.caller,
            access_purpose,
            "pathway",
            _outcome_of(response),
            refs=kept.shown_refs,
            mandate=kept.mandate,
            request=current_request(),
            quiet=kept.is_concealed_access,
        )
        async with self._pool.acquire() as connection:
            if not await kept_body_repository.log_while_unchanged(connection, row, kept):
                self._cache.drop(reader, pathway)
                return None
        mark_logged()
        return response

    async def read_view(
        self,
        pull_request: PullRequest,
        pathway: UUID,
        action: What,
        requested_page: RequestedPage = REQUESTED_FIRST_PAGE,
    ) -> ReaderView | UUID | None:
        """What this reader sees of the pathway; its other id; None where she sees none."""
        return await self._read(
            pull_request, action, lambda reading: _read_view(reading, pathway, action, requested_page)
        )

    async def trace(
        self, pull_request: PullRequest, pathway: UUID, requested_page: RequestedPage = REQUESTED_FIRST_PAGE
    ) -> Response:
        """The same as a trace."""
        with start_span("pull trace"):
            async with self._pad_duration(pull_request):
                response = await self._read(
                    pull_request, "trace", lambda reading: _trace(reading, pathway, requested_page)
                )
        if response is None:
            raise pathway_not_found()
        return response

    def _pad_duration(self, pull_request: PullRequest) -> contextlib.AbstractAsyncContextManager[None]:
        return self._padding.padded(enabled=is_restricted(pull_request.caller))

    async def _read(
        self, pull_request: PullRequest, action: What, answer: Callable[[ReaderTransaction], Awaitable[Answer]]
    ) -> Answer:
        """The answer. Where it cannot be computed: the answer about her own steps alone, as of a closed pathway.

        Raises Problem: also where not even that can be computed, or where she has no steps of her own, as operators.
        """

        async def read(is_closed: bool) -> Answer:
            async with self._open_reading(pull_request, action, is_closed=is_closed) as reading:
                if is_closed:
                    refuse_operator(reading.reader)
                return await answer(reading)

        return await closed_where_uncomputable(read)

    @contextlib.asynccontextmanager
    async def _open_reading(
        self, pull_request: PullRequest, action: What, *, is_closed: bool
    ) -> AsyncIterator[ReaderTransaction]:
        """One moment of the store, and a transaction that keeps what is logged. Raises Problem."""
        access_purpose = parse_stated_purpose(pull_request)
        reader = reader_of(pull_request.caller, access_purpose)
        if reader is None:
            async with self._pool.acquire() as connection:
                await _log_not_a_reader(connection, pull_request.caller, access_purpose, action)
            mark_logged()
            raise not_a_reader_problem()
        key = ReaderKey(self._secret, reader.name)
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            yield ReaderTransaction(
                connection, pull_request.caller, access_purpose, reader, key, self._clock(), is_closed
            )
        mark_logged()


Readers = Annotated[RestrictedReader, Depends(service(RestrictedReader))]


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


async def _search(reading: ReaderTransaction, org: str, subject: str) -> UUID | None:
    ref_row = await visibility_repository.find_ref(reading.connection, org, subject)
    # Whether another's pseudonym exists must not cost what looking at its pathway costs.
    may_search = ref_row is not None and reading.reader.may_search_by(org, subject)
    seen_part = await reading.load_page(ref_row[1], _ONE_STEP) if ref_row is not None and may_search else None
    visible = None if seen_part is None else seen_part.visible
    if visible is None or (org, subject) not in {(ref.org, ref.subject) for ref in visible.anchors}:
        await reading.log("search", "refused", refs=() if ref_row is None else (ref_row[0],))
        return None
    await reading.log("search", "shown", visible)
    return handle_of(reading.reader, reading.key, visible.anchors[0].anchor_id)


async def _read_view(
    reading: ReaderTransaction, pathway: UUID, action: What, requested_page: RequestedPage
) -> ReaderView | UUID | None:
    page = await reading.find_by_name(pathway, requested_page.parse(reading.key))
    if not isinstance(page, VisiblePage):
        await reading.log(action, "refused" if page is None else "moved")
        return page
    await reading.log(action, "shown", page.visible)
    return await _build_view(reading, page)


def _outcome_of(response: Response) -> Outcome:
    return "unchanged" if response.status_code == 304 else "shown"


async def _pull(
    reading: ReaderTransaction,
    cache: ReaderBodyCache,
    pathway: UUID,
    if_none_match: str | None,
    requested_page: RequestedPage,
    as_of: datetime | None,
) -> Response | None:
    if as_of is None:
        page = await reading.find_by_name(pathway, requested_page.parse(reading.key))
    elif reading.reader.kind != "operator":
        await reading.log("pathway", "refused", reason="forbidden")
        return Problem(403, "forbidden", "as_of: what was then is told to operators alone").to_response()
    else:
        page = await reading.find_as_of(pathway, as_of, requested_page)
    if not isinstance(page, VisiblePage):
        return await _redirect(reading, "pathway", page, requested_page=requested_page, as_of=as_of)
    view = await _build_view(reading, page, as_of)
    response = pathway_response(
        view.pathway,
        view.version,
        lambda: view.body,
        _RESPONSE_HEADERS,
        if_none_match if as_of is None else None,
        view.next,
        requested_page,
        as_of,
    )
    await reading.log("pathway", _outcome_of(response), page.visible)
    if as_of is None and requested_page.is_default and not page.has_more:
        _keep(reading, cache, pathway, page, view)
    return response


def _keep(reading: ReaderTransaction, cache: ReaderBodyCache, name: UUID, page: VisiblePage, view: ReaderView) -> None:
    """Keeps the body that this reader gets, where it is known for how long she would get it."""
    if page.policy is None or view.lifespan is None:
        return
    anchor_id, visible = anchor_id_of(reading.reader, reading.key, name), page.visible
    until = min(view.lifespan.until, page.policy.until)
    cache.put(
        reading.reader,
        name,
        KeptBody(
            view.version,
            view.body,
            anchor_id,
            page.policy.revisions,
            view.lifespan._replace(until=until),
            visible.refs,
            visible.mandate,
            visible.is_concealed_access,
        ),
    )


async def _trace(reading: ReaderTransaction, pathway: UUID, requested_page: RequestedPage) -> Response | None:
    page = await reading.find_by_name(pathway, requested_page.parse(reading.key))
    if not isinstance(page, VisiblePage):
        return await _redirect(reading, "trace", page, "/trace", requested_page)
    await reading.log("trace", "shown", page.visible)
    view = await _build_view(reading, page)
    otlp = await run_off_loop(len(view.served.steps), view.trace)
    return trace_response(otlp, view.next, view.pathway, requested_page, _RESPONSE_HEADERS)


async def _build_view(reading: ReaderTransaction, page: VisiblePage, as_of: datetime | None = None) -> ReaderView:
    """Loads her hand-offs; then redacts and serialises page and hand-offs, beside the event loop."""
    handoffs = await reading.load_handoffs(page, as_of)
    return await run_off_loop(
        len(page.context.steps),
        lambda: serialize_page(reading.reader, reading.key, page, handoffs, as_of or reading.now),
    )


def serialize_page(
    reader: Reader, key: ReaderKey, page: VisiblePage, handoffs: VisibleHandoffs, now: datetime
) -> ReaderView:
    """The page as she is served it, its hand-offs as they stood at an instant."""
    only = page.handoff_ids() if page.has_more else None
    statuses = handoffs.statuses(page.context, now)
    view = build_view(
        reader,
        key,
        page.visible,
        render_handoffs_for(reader, key, page.context, statuses, only),
        context=page.context,
        next_cursor=None if page.next is None else encode_cursor(key, page.next),
    )
    return replace(view, lifespan=lifespan_of(statuses, now)._replace(unregistered_orgs=handoffs.unregistered_orgs))


async def _redirect(
    reading: ReaderTransaction,
    action: What,
    new_name: UUID | None,
    suffix: str = "",
    requested_page: RequestedPage = REQUESTED_FIRST_PAGE,
    as_of: datetime | None = None,
) -> Response | None:
    await reading.log(action, "refused" if new_name is None else "moved")
    return None if new_name is None else redirect_to_pathway(new_name, suffix, requested_page, as_of)
