"""How much the subscriptions of an organisation ask for already."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock

_DEMAND = """
select count(*) as subscriptions, coalesce(sum(octet_length(s.filters::text)), 0) as filter_bytes,
    count(*) filter (where s.protocol = 'KAFKA') as topics,
    count(distinct (s.purpose, s.authority)) as purposes,
    count(distinct (s.purpose, s.authority)) filter (where s.purpose = $3 and s.authority is not distinct from $4) = 1
        as known_purpose
from subscription s
where s.org = $1 and s.id is distinct from $2 and not exists (select from replay r where r.subscription = s.id)
"""


class SubscriptionDemand(NamedTuple):
    """What an organisation asks for."""

    subscriptions: int
    filter_bytes: int
    topics: int
    purposes: int
    known_purpose: bool
    """Whether the purpose and authority of the new one are among these."""


async def lock(connection: asyncpg.Connection, org: str) -> None:
    """Nobody else makes a subscription or a replay of this organisation until this transaction ends."""
    await advisory_locks.lock_for_organisation(connection, AdvisoryLock.SUBSCRIPTION_BUDGET, org)


async def fetch_demand(
    connection: asyncpg.Connection, org: str, excluded_id: UUID | None, purpose: str, authority: str | None
) -> SubscriptionDemand:
    """Of all subscriptions of this organisation but one."""
    return SubscriptionDemand(*(await connection.fetchrow(_DEMAND, org, excluded_id, purpose, authority)).values())
