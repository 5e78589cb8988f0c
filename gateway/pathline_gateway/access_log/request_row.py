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
from pathline_gateway.access_log.declarations import About, RouteRow
from pathline_gateway.access_log.repeated import Repeated
from pathline_gateway.access_log.writer import Access, Outcome, Request, access
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.purpose import NOTHING, AccessPurpose

_CURRENT: Final[ContextVar[RequestRow | None]] = ContextVar("access_log_row", default=None)
_REPEATED: Final = Repeated()
_OUTCOMES: Final[Mapping[About, Outcome]] = {About.READING: "shown", About.ACT: "done"}
_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
"""What stands in paths that mean something; others may hold anything."""


@dataclass
class RequestRow:
    """What is to be logged of one request."""

    declared: RouteRow
    request: Request
    scope: Scope
    stated: AccessPurpose = NOTHING
    refs: set[int] = field(default_factory=set)
    """Whom the answer tells of."""
    hidden_refs: set[int] = field(default_factory=set)
    """The same of those who may not be told of it."""
    written: bool = False
    """The row is committed, and no other is written."""

    @property
    def caller(self) -> Caller | None:
        """Who asks, once that is known."""
        state: Mapping[str, object] = self.scope.get("state") or {}
        return cast("Caller | None", state.get("caller"))

    @property
    def is_due(self) -> bool:
        """Whether somebody who is known asked, and nothing is in the log of it yet."""
        return not self.written and self.caller is not None and not self.caller.open

    def of(self, outcome: Outcome, reason: str | None = None) -> Access:
        """The row."""
        assert self.caller is not None
        return access(
            self.caller,
            self.stated,
            self.declared.what,
            outcome,
            refs=self.refs,
            reason=reason,
            request=self.request,
            hidden_refs=self.hidden_refs,
        )

    async def write(self, connection: asyncpg.Connection, outcome: Outcome, reason: str | None = None) -> None:
        """It is in the log once the transaction at hand is committed; the caller then says so in `written`."""
        row = self.of(outcome, reason)
        if not (self.declared.live and outcome == "shown" and _REPEATED.lately(row)):
            await access_log_repository.write(connection, row)


def current() -> RequestRow | None:
    """The row of the request at hand; None in work that no request asked for."""
    return _CURRENT.get()


def current_request() -> Request | None:
    """The request at hand, as rows name it."""
    row = _CURRENT.get()
    return None if row is None else row.request


def request_number() -> bytes | None:
    """The gateway's own number of the request at hand."""
    row = _CURRENT.get()
    return None if row is None else row.request.number


def logged() -> None:
    """A row of this request was committed."""
    if (row := _CURRENT.get()) is not None:
        row.written = True


def tells_of_nobody() -> None:
    """The answer at hand is about no person: it says that there is nothing to be read from, and leaves no row."""
    logged()


def tells_of(refs: Collection[int] = (), hidden: Collection[int] = ()) -> None:
    """The answer at hand is about these refs; of those that are hidden nobody is told."""
    if (row := _CURRENT.get()) is not None:
        row.refs |= set(refs)
        row.hidden_refs |= set(hidden)


@contextlib.contextmanager
def requesting(
    declared: RouteRow, route: str, parameters: Mapping[str, str], caller_trace: bytes | None, scope: Scope
) -> Iterator[RequestRow]:
    """The block is this request."""
    plain = [each if _PLAIN.fullmatch(each) else "?" for each in parameters.values()]
    about = " ".join(plain) if declared.about is About.ACT else None
    row = RequestRow(declared, Request(secrets.token_bytes(16), route, about or None, caller_trace), scope)
    token = _CURRENT.set(row)
    try:
        yield row
    finally:
        _CURRENT.reset(token)


@contextlib.asynccontextmanager
async def reading(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """One moment of the store; the row of the request is written in its transaction, as `tells_of` says."""
    async with _kept(pool, About.READING, "repeatable_read") as connection:
        yield connection


@contextlib.asynccontextmanager
async def acting(pool: asyncpg.Pool, by: str) -> AsyncIterator[asyncpg.Connection]:
    """A transaction of an act: its row, and the history of what it changes on the register, are written in it."""
    async with _kept(pool, About.ACT, "read_committed") as connection:
        await acts_for(connection, by)
        yield connection


async def acts_for(connection: asyncpg.Connection, by: str) -> None:
    """Whose name the history of the register keeps, to the end of the transaction at hand."""
    await connection.execute("select set_config('pathline.acts_for', $1, true)", by)


@contextlib.asynccontextmanager
async def _kept(pool: asyncpg.Pool, about: About, isolation: str) -> AsyncIterator[asyncpg.Connection]:
    row = _CURRENT.get()
    async with pool.acquire() as connection, connection.transaction(isolation=isolation):
        yield connection
        if writes := row is not None and row.is_due and row.declared.about is about:
            await row.write(connection, _OUTCOMES[about])
    if writes:
        logged()
