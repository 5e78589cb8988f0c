"""Who types a command, as far as the machine knows: by the same kind of pseudonym as callers over HTTP."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import AsyncIterator

import asyncpg

from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.access_log.request_row import acts_for
from pathline_gateway.access_log.writer import Outcome, Request, access
from pathline_gateway.auth.bearer_token import actor_pseudonym
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.purpose import NOTHING
from pathline_gateway.postgres.instance_secrets import instance_secret

_ISSUER = "the command line"
_AS = "PATHLINE_AS"
"""Who types, where several people share one account of the machine."""


async def typist(connection: asyncpg.Connection) -> str:
    """The name that is kept of what is done: a keyed hash of the account of the machine, or of `PATHLINE_AS`."""
    secret = await instance_secret(connection, "accounts")
    return f"cli:{actor_pseudonym(secret, _ISSUER, _account())}"


@contextlib.asynccontextmanager
async def typed(connection: asyncpg.Connection, command: str, what: str) -> AsyncIterator[str]:
    """The block is a transaction of this command: its row in the access log is written in it, and the history."""
    async with connection.transaction():
        by = await log_command(connection, command, what, "done")
        await acts_for(connection, by)
        yield by


async def log_command(connection: asyncpg.Connection, command: str, what: str, outcome: Outcome = "shown") -> str:
    """That the command was typed is in the access log; by whom."""
    by = await typist(connection)
    caller = Caller(frozenset((Role.OPERATOR,)), who=by)
    request = Request(os.urandom(16), f"cli {command}")
    await access_log_repository.write(connection, access(caller, NOTHING, what, outcome, request=request))
    return by


def _account() -> str:
    if named := os.environ.get(_AS):
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "nobody"
