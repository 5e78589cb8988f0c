"""Keys that this instance made for itself."""

from __future__ import annotations

import secrets

import asyncpg

_INSERT = "insert into instance_secret (name, value) values ($1, $2) on conflict do nothing"


async def load_instance_secret(connection: asyncpg.Connection, name: str) -> bytes:
    """The instance's key of this name: 32 random bytes, made when it is first asked for."""
    await connection.execute(_INSERT, name, secrets.token_bytes(32))
    return bytes(await connection.fetchval("select value from instance_secret where name = $1", name))
