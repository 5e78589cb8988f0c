"""The access-log row of the current request, written once."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, cast

import asyncpg
from starlette.types import Scope

from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.access_log.access import Access, Outcome, Request, build_access
from pathline_gateway.access_log.declarations import AccessKind, RouteRow
from pathline_gateway.access_log.recent_accesses import RecentAccesses
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.purpose import NO_PURPOSE, AccessPurpose

_CURRENT: Final[ContextVar[RequestRow | None]] = ContextVar("access_log_row", default=None)
_REPEATED: Final = RecentAccesses()
_SUCCESS_OUTCOMES: Final[Mapping[AccessKind, Outcome]] = {AccessKind.READING: "shown", AccessKind.ACT: "done"}
_LOGGABLE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
"""What stands in paths that mean something; others may hold anything."""


@dataclass
class RequestRow:
    """What is to be logged of one request."""

    route_row: RouteRow
    request: Request
    scope: Scope
    access_purpose: AccessPurpose = NO_PURPOSE
    refs: set[int] = field(default_factory=set)
    """Whom the answer tells of."""
    hidden_refs: set[int] = field(default_factory=set)
    """The same of those who may not be told of it."""
    is_written: bool = False
    """The row is committed, and no other is written."""

    @property
    def caller(self) -> Caller | None:
        """Who asks, once that is known."""
        state: Mapping[str, object] = self.scope.get("state") or {}
        return cast("Caller | None", state.get("caller"))

    @property
    def is_due(self) -> bool:
        """Whether somebody who is known asked, and nothing is in the log of it yet."""
        return not self.is_written and self.caller is not None and not self.caller.auth_disabled

    def to_access(self, outcome: Outcome, reason: str | None = None) -> Access:
        """The access-log row of this request."""
        assert self.caller is not None
        return build_access(
            self.caller,
            self.access_purpose,
            self.route_row.action,
            outcome,
            refs=self.refs,
            reason=reason,
            request=self.request,
            hidden_refs=self.hidden_refs,
        )

    async def write(self, connection: asyncpg.Connection, outcome: Outcome, reason: str | None = None) -> None:
        """It is in the log once the current transaction is committed; the caller then says so in `is_written`."""
        row = self.to_access(outcome, reason)
        if not (self.route_row.auto_refresh and outcome == "shown" and _REPEATED.was_logged_recently(row)):
            await access_log_repository.write(connection, row)


def current() -> RequestRow | None:
    """The row of the current request; None in work that no request asked for."""
    return _CURRENT.get()


def current_request() -> Request | None:
    """The current request, as rows name it."""
    row = _CURRENT.get()
    return None if row is None else row.request


def request_number() -> bytes | None:
    """The gateway's own number of the current request."""
    row = _CURRENT.get()
    return None if row is None else row.request.number


def mark_logged() -> None:
    """A row of this request was committed."""
    if (row := _CURRENT.get()) is not None:
        row.is_written = True


def mark_about_nobody() -> None:
    """The current answer is about no person, since there is none to read of: it leaves no row."""
    mark_logged()


def add_refs(refs: Collection[int] = (), hidden: Collection[int] = ()) -> None:
    """The current answer is about these refs; nobody learns of those that are hidden."""
    if (row := _CURRENT.get()) is not None:
        row.refs |= set(refs)
        row.hidden_refs |= set(hidden)


@contextlib.contextmanager
def track_request(
    route_row: RouteRow, route: str, parameters: Mapping[str, str], caller_trace: bytes | None, scope: Scope
) -> Iterator[RequestRow]:
    """The block is this request."""
    loggable = [each if _LOGGABLE.fullmatch(each) else "?" for each in parameters.values()]
    about = " ".join(loggable) if route_row.category is AccessKind.ACT else None
    row = RequestRow(route_row, Request(secrets.token_bytes(16), route, about or None, caller_trace), scope)
    token = _CURRENT.set(row)
    try:
        yield row
    finally:
        _CURRENT.reset(token)


@contextlib.asynccontextmanager
async def read_transaction(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """One moment of the store; the row of the request is written in its transaction, as `add_refs` says."""
    async with _logged_transaction(pool, AccessKind.READING, "repeatable_read") as connection:
        yield connection


@contextlib.asynccontextmanager
async def write_transaction(pool: asyncpg.Pool, actor: str) -> AsyncIterator[asyncpg.Connection]:
    """A transaction of an act: its row, and the history of what it changes on the register, are written in it."""
    async with _logged_transaction(pool, AccessKind.ACT, "read_committed") as connection:
        await set_actor(connection, actor)
        yield connection


async def set_actor(connection: asyncpg.Connection, actor: str) -> None:
    """Whose name the history of the register keeps, to the end of the current transaction."""
    await connection.execute("select set_config('pathline.acts_for', $1, true)", actor)


@contextlib.asynccontextmanager
async def _logged_transaction(
    pool: asyncpg.Pool, category: AccessKind, isolation: str
) -> AsyncIterator[asyncpg.Connection]:
    row = _CURRENT.get()
    async with pool.acquire() as connection, connection.transaction(isolation=isolation):
        yield connection
        if writes_row := row is not None and row.is_due and row.route_row.category is category:
            await row.write(connection, _SUCCESS_OUTCOMES[category])
    if writes_row:
        mark_logged()
