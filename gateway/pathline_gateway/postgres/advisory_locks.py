"""Every advisory lock of the gateway in Postgres, in the order in which it locks them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import asyncpg


class AdvisoryLock(IntEnum):
    """Who holds one takes only later ones: so no two wait for each other. The numbers stay: functions name them too."""

    MIGRATION = 0x706C_0001
    """The schema is changed by one process."""
    PARTITIONS = 0x706C_0002
    """Partitions are made by one process."""
    REBUILD = 0x706C_0005
    """One rebuild at a time; held until its connection is closed."""
    SUBSCRIPTION_BUDGET = 0x70_6C31
    """Subscriptions of one organisation are counted; a second number says of which."""
    LINK_COMPONENTS = 0x706C_0030
    """Links are stored by one transaction, before anything is numbered or claimed."""
    MEMBERSHIP = 0x706C_0004
    """Membership has one writer."""
    CHANGE_LOG = 0x706C_0003
    """The change log is numbered in commit order: held from the first number to the commit."""
    HANDOFF_PROJECTION = 0x706C_0008
    """Hand-offs have one writer, and one who speaks of silence. Triggers of the register take it, too."""
    DISPATCH = 0x706C_0007
    """Deliveries of a shard are numbered by one process; a second number says of which shard."""
    MEASURE_RELEASE = 0x706C_0035
    """Cells of measures are released by one transaction."""


async def lock_for_transaction(connection: asyncpg.Connection, lock: AdvisoryLock) -> None:
    """Nobody else has it until this transaction ends; waits for whoever has it."""
    await connection.execute("select pg_advisory_xact_lock($1)", lock)


async def lock_for_organisation(connection: asyncpg.Connection, lock: AdvisoryLock, org: str) -> None:
    """The same, of one organisation."""
    await connection.execute("select pg_advisory_xact_lock($1, hashtext($2))", lock, org)


async def try_lock_for_transaction(connection: asyncpg.Connection, lock: AdvisoryLock) -> bool:
    """Whether nobody else had it: then nobody has until this transaction ends."""
    return bool(await connection.fetchval("select pg_try_advisory_xact_lock($1)", lock))


async def lock_for_parts(connection: asyncpg.Connection, lock: AdvisoryLock, parts: Sequence[int]) -> None:
    """Nobody else has any of these parts until this transaction ends; `parts`: ascending, as everybody locks them."""
    for part in parts:
        await connection.execute("select pg_advisory_xact_lock($1, $2)", lock, part)


async def try_lock_for_parts(connection: asyncpg.Connection, lock: AdvisoryLock, parts: Sequence[int]) -> bool:
    """Whether nobody else had any of these parts: then nobody has until this transaction ends.

    The first is tried before the others: of two that try the same, one has all.
    """
    first, *others = parts
    if not await connection.fetchval("select pg_try_advisory_xact_lock($1, $2)", lock, first):
        return False
    return not others or bool(
        await connection.fetchval(
            "select bool_and(pg_try_advisory_xact_lock($1, part)) from unnest($2::integer[]) as p(part)", lock, others
        )
    )


async def try_lock_for_session(connection: asyncpg.Connection, lock: AdvisoryLock) -> bool:
    """Whether nobody else had it: then nobody has until this connection is closed."""
    return bool(await connection.fetchval("select pg_try_advisory_lock($1)", lock))
