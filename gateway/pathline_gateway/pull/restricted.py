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
from pathline_gateway.access_log.request_row import current_request, logged
from pathline_gateway.access_log.writer import Outcome, What, access
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.purpose import AccessPurpose, PurposeError, stated
from pathline_gateway.auth.reader import Reader, reader_of
from pathline_gateway.off_loop import off_loop
from pathline_gateway.pathways.errors import no_such_pathway, no_such_subject
from pathline_gateway.pull.endpoints import PullRequest
from pathline_gateway.pull.paging import ALL, PageAsked, RequestedPage, cursor, next_link
from pathline_gateway.pull.reader_view import View, view
from pathline_gateway.pull.seen_pages import SeenPage, part_of, seen_page
from pathline_gateway.pull.unrestricted import moved, traced
from pathline_gateway.telemetry.instruments import spanning
from pathline_gateway.visibility import repository as visibility_repository
from pathline_gateway.visibility.handoffs import handoffs_seen
from pathline_gateway.visibility.loading import seen_then
from pathline_gateway.visibility.padding import PADDING, Padding, is_told_less
from pathline_gateway.visibility.pairwise_ids import ReaderKey
from pathline_gateway.visibility.pathway_handles import birth_of, name_of
from pathline_gateway.visibility.policy import VisiblePathway
from pathline_gateway.visibility.uncomputable import computing
from pathline_gateway.web.problem import Problem

_HEADERS: Final = {
    "cache-control": "private, no-cache",
    "vary": "authorization, pathline-purpose, pathline-authority",
}

_ONE: Final = PageAsked(limit=1)
"""Enough to know what a pathway is called."""


@dataclass
class _Reading:
    """One request of one reader, and what is to be logged of it."""

    connection: asyncpg.Connection
    caller: Caller
    stated: AccessPurpose
    reader: Reader
    key: ReaderKey
    now: datetime

    async def named(self, name: UUID, asked: PageAsked) -> SeenPage | UUID | None:
        """What she sees of the pathway that she calls so; what she calls it now; None when she never called one so."""
        birth = birth_of(self.reader, self.key, name)
        born = await visibility_repository.ref_born(self.connection, birth)
        found = None if born is None else await seen_page(self.connection, self.reader, self.now, born[1], asked)
        if born is None or found is None or born[0] not in {(ref.org, ref.subject) for ref in found.seen.anchors}:
            return None
        oldest = found.seen.anchors[0].birth
        return found if oldest == birth else name_of(self.reader, self.key, oldest)

    async def view(self, found: SeenPage, at: datetime | None = None) -> View:
        """What she is served of it, its clocks as they stood at an instant, or now."""
        only = found.handoffs() if found.is_part else None
        handoffs = await handoffs_seen(
            self.connection, self.reader, self.key, found.around, at or self.now, only, elsewhere=at is None
        )
        following = None if found.next is None else cursor(self.key, found.next)
        return await off_loop(
            len(found.around.steps),
            lambda: view(self.reader, self.key, found.seen, handoffs, around=found.around, following=following),
        )

    async def log(
        self,
        what: What,
        outcome: Outcome,
        seen: VisiblePathway | None = None,
        refs: Collection[int] = (),
        reason: str = "no-such-pathway",
    ) -> None:
        """It is in the access log once this request's transaction is committed; the reason where it was refused."""
        kept = access(
            self.caller,
            self.stated,
            what,
            outcome,
            refs=refs if seen is None else seen.refs,
            reason=reason if outcome == "refused" else None,
            mandate=None if seen is None else seen.mandate,
            request=current_request(),
            quiet=seen is not None and seen.quiet,
        )
        await access_log_repository.write(self.connection, kept)


class RestrictedReader:
    """`Readers`, from the store."""

    def __init__(
        self, pool: asyncpg.Pool, secret: bytes, clock: Callable[[], datetime], padding: Padding = PADDING
    ) -> None:
        self._pool, self._secret, self._clock, self._padding = pool, secret, clock, padding

    async def search(self, asked: PullRequest, org: str, subject: str) -> UUID:
        """What this reader calls the pathway of this subject, where it is one by which she knows it."""
        async with self._padded(asked), self._reading(asked, "search") as reading:
            found = await visibility_repository.ref_of(reading.connection, org, subject)
            # Whether another's pseudonym exists must not cost what looking at its pathway costs.
            mine = found is not None and reading.reader.may_name(org, subject)
            part = (
                await seen_page(reading.connection, reading.reader, reading.now, found[1], _ONE)
                if found is not None and mine
                else None
            )
            seen = None if part is None else part.seen
            known = seen is not None and (org, subject) in {(ref.org, ref.subject) for ref in seen.anchors}
            if seen is None or not known:
                await reading.log("search", "refused", refs=() if found is None else (found[0],))
            else:
                await reading.log("search", "shown", seen)
        if seen is None or not known:
            raise no_such_subject()
        return name_of(reading.reader, reading.key, seen.anchors[0].birth)

    async def pull(
        self,
        asked: PullRequest,
        pathway: UUID,
        if_none_match: str | None,
        as_of: datetime | None = None,
        part: RequestedPage = ALL,
    ) -> Response:
        """What this reader sees of the pathway; 304 where she has it already."""
        with spanning("pull pathway"):
            async with self._padded(asked), self._reading(asked, "pathway") as reading:
                if as_of is None:
                    response = await _pulled(reading, pathway, if_none_match, part)
                else:
                    response = await _pulled_as_of(reading, pathway, as_of, part)
        if response is None:
            raise no_such_pathway()
        return response

    async def shown(
        self, asked: PullRequest, pathway: UUID, what: What, part: RequestedPage = ALL
    ) -> View | UUID | None:
        """What this reader sees of the pathway; its other id; None where she sees none."""
        async with self._reading(asked, what) as reading:
            found = await reading.named(pathway, part.read(reading.key))
            if not isinstance(found, SeenPage):
                await reading.log(what, "refused" if found is None else "moved")
                return found
            await reading.log(what, "shown", found.seen)
            return await reading.view(found)

    async def trace(self, asked: PullRequest, pathway: UUID, part: RequestedPage = ALL) -> Response:
        """The same as a trace."""
        with spanning("pull trace"):
            async with self._padded(asked), self._reading(asked, "trace") as reading:
                response = await _traced(reading, pathway, part)
        if response is None:
            raise no_such_pathway()
        return response

    def _padded(self, asked: PullRequest) -> contextlib.AbstractAsyncContextManager[None]:
        return self._padding.padded(wanted=is_told_less(asked.caller))

    @contextlib.asynccontextmanager
    async def _reading(self, asked: PullRequest, what: What) -> AsyncIterator[_Reading]:
        """One moment of the store, and a transaction that keeps what is logged. Raises Problem."""
        said = read_stated(asked)
        reader = reader_of(asked.caller, said)
        if reader is None:
            async with self._pool.acquire() as connection:
                await _log_not_a_reader(connection, asked.caller, said, what)
            logged()
            raise not_a_reader()
        key = ReaderKey(self._secret, reader.name)
        with computing():
            async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
                yield _Reading(connection, asked.caller, said, reader, key, self._clock())
        logged()


def read_stated(asked: PullRequest) -> AccessPurpose:
    """What the reader says that she reads for. Raises Problem."""
    try:
        return stated(asked.purpose, asked.authority)
    except PurposeError as wrong:
        raise Problem(400, wrong.reason, wrong.detail) from None


def not_a_reader() -> Problem:
    """The caller has no role that reads a person's pathway."""
    return Problem(403, "not-a-reader", "pathways are read by organisations, citizens, helpers and operators")


async def _log_not_a_reader(connection: asyncpg.Connection, caller: Caller, said: AccessPurpose, what: What) -> None:
    kept = access(caller, said, what, "refused", reason="not-a-reader", request=current_request())
    await access_log_repository.write(connection, kept)


async def _pulled(reading: _Reading, pathway: UUID, if_none_match: str | None, part: RequestedPage) -> Response | None:
    found = await reading.named(pathway, part.read(reading.key))
    if not isinstance(found, SeenPage):
        return await _elsewhere(reading, "pathway", found, part=part)
    told = await reading.view(found)
    headers = _headers(told, f"/v1/pathways/{told.pathway}", part)
    tags = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if tags & {headers["etag"], "*"}:
        await reading.log("pathway", "unchanged", found.seen)
        return Response(status_code=304, headers=headers)
    await reading.log("pathway", "shown", found.seen)
    return Response(told.body, 200, headers, "application/json")


async def _pulled_as_of(reading: _Reading, pathway: UUID, at: datetime, part: RequestedPage) -> Response | None:
    """The steps and refs of then, less what is concealed now."""
    if reading.reader.kind != "operator":
        await reading.log("pathway", "refused", reason="forbidden")
        return Problem(403, "forbidden", "as_of: what was then is told to operators alone").response()
    seen = await seen_then(reading.connection, reading.reader, reading.now, pathway, at)
    if not isinstance(seen, VisiblePathway):
        return await _elsewhere(reading, "pathway", seen, part=part, at=at)
    found = part_of(seen, part.read(reading.key))
    await reading.log("pathway", "shown", found.seen)
    told = await reading.view(found, at)
    headers = _headers(told, f"/v1/pathways/{told.pathway}", part, at)
    return Response(told.body, 200, headers, "application/json")


async def _traced(reading: _Reading, pathway: UUID, part: RequestedPage) -> Response | None:
    found = await reading.named(pathway, part.read(reading.key))
    if not isinstance(found, SeenPage):
        return await _elsewhere(reading, "trace", found, "/trace", part)
    await reading.log("trace", "shown", found.seen)
    told = await reading.view(found)
    return traced(await off_loop(len(told.steps), told.trace), told.next, told.pathway, part, _HEADERS)


def _headers(told: View, path: str, part: RequestedPage, at: datetime | None = None) -> dict[str, str]:
    link = {} if told.next is None else {"link": next_link(path, told.next, part.limit, at)}
    return {"etag": f'"{told.version}"', **_HEADERS, **link}


async def _elsewhere(
    reading: _Reading,
    what: What,
    to: UUID | None,
    below: str = "",
    part: RequestedPage = ALL,
    at: datetime | None = None,
) -> Response | None:
    await reading.log(what, "refused" if to is None else "moved")
    return None if to is None else moved(to, below, part, at)
