"""Who types a command, as far as the machine knows: by the same kind of pseudonym as callers over HTTP."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import AsyncIterator

import asyncpg

from pathline_gateway.access_log import repository as access_log_repository
from pathline_gateway.access_log.access import Outcome, Request, build_access
from pathline_gateway.access_log.request_row import set_actor
from pathline_gateway.auth.bearer_token import actor_pseudonym
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.purpose import NO_PURPOSE
from pathline_gateway.postgres.instance_secrets import load_instance_secret

_ISSUER = "the command line"
_ACTOR_VARIABLE = "PATHLINE_AS"
"""Who types, where several people share one account of the machine."""


async def actor_name(connection: asyncpg.Connection) -> str:
    """The name that is kept of what is done: a keyed hash of the account of the machine, or of `PATHLINE_AS`."""
    secret = await load_instance_secret(connection, "accounts")
    return f"cli:{actor_pseudonym(secret, _ISSUER, _account())}"


@contextlib.asynccontextmanager
async def logged_command(connection: asyncpg.Connection, command: str, what: str) -> AsyncIterator[str]:
    """The block is a transaction of this command: its row in the access log is written in it, and the history."""
    async with connection.transaction():
        actor = await log_command(connection, command, what, "done")
        await set_actor(connection, actor)
        yield actor


async def log_command(connection: asyncpg.Connection, command: str, what: str, outcome: Outcome = "shown") -> str:
    """That the command was typed is in the access log; by whom."""
    actor = await actor_name(connection)
    caller = Caller(frozenset((Role.OPERATOR,)), actor_id=actor)
    request = Request(os.urandom(16), f"cli {command}")
    await access_log_repository.write(connection, build_access(caller, NO_PURPOSE, what, outcome, request=request))
    return actor


def _account() -> str:
    if account := os.environ.get(_ACTOR_VARIABLE):
        return account
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "nobody"
