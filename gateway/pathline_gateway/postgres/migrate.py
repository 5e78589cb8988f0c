"""Brings the database to the schema of this version: each file once, in order, under an advisory lock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock

_CREATE_MIGRATION_TABLE = """
create table if not exists migration (
    name text primary key, sha256 text not null, applied_at timestamptz not null default now()
)
"""

# A migration that waits for a lock makes everybody behind it wait: it gives up, and is tried again at the next start.
_SET_TIMEOUTS = "set local lock_timeout = '10s'; set local statement_timeout = '15min'"


class MigrationError(Exception):
    """The schema is not that of this version, and cannot be made so. `str()` says what to do."""


class MigrationChanged(MigrationError):
    """A migration that was applied is not the one that this version ships."""


class SchemaIsNewer(MigrationError):
    """A later version has migrated this database: this one would write what that one cannot read."""


class MayNotMigrate(MigrationError):
    """There are migrations to apply, and this role of Postgres may not."""


@dataclass(frozen=True)
class Migration:
    """One file of `migrations/`, its part after `-- migrate:up`."""

    name: str
    sql: str
    sha256: str


def load_migrations() -> Iterator[Migration]:
    """The migrations of this version, in order."""
    folder = files("pathline_gateway.migrations")
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".sql"):
            text = file.read_text(encoding="utf-8")
            up_sql = text.split("-- migrate:up", 1)[1].split("-- migrate:down", 1)[0]
            yield Migration(file.name, up_sql, hashlib.sha256(text.encode()).hexdigest())


async def migrate(connection: asyncpg.Connection) -> list[str]:
    """The schema is that of this version; the names of the migrations applied now. Raises MigrationError."""
    migrations = list(load_migrations())
    async with connection.transaction():
        await advisory_locks.lock_for_transaction(connection, AdvisoryLock.MIGRATION)
        await connection.execute(_SET_TIMEOUTS)
        applied_digests = await _load_applied_digests(connection)
        if newer_names := sorted(applied_digests.keys() - {each.name for each in migrations}):
            raise SchemaIsNewer(
                f"the database was migrated by a later version (it has {newer_names[-1]}): start that version or a "
                "later one"
            )
        try:
            # A role that owns nothing may not even ask whether the ledger has to be made.
            if not applied_digests:
                await connection.execute(_CREATE_MIGRATION_TABLE)
            return [each.name for each in migrations if await _apply(connection, each, applied_digests.get(each.name))]
        except asyncpg.InsufficientPrivilegeError:
            raise MayNotMigrate(
                "this role of Postgres may not migrate: run `pathline-gateway migrate` as the owner of the schema first"
            ) from None


async def _load_applied_digests(connection: asyncpg.Connection) -> dict[str, str]:
    if await connection.fetchval("select to_regclass('migration')") is None:
        return {}
    return dict(await connection.fetch("select name, sha256 from migration"))


async def _apply(connection: asyncpg.Connection, migration: Migration, applied_digest: str | None) -> bool:
    if applied_digest is None:
        await connection.execute(migration.sql)
        await connection.execute(
            "insert into migration (name, sha256) values ($1, $2)", migration.name, migration.sha256
        )
        return True
    if applied_digest != migration.sha256:
        raise MigrationChanged(
            f"{migration.name} was applied with other content: restore the file, add a new migration"
        )
    return False
