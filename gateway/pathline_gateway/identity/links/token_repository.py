"""Link tokens, what they were spent on, and how often somebody tried in vain."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from pathline_gateway.identity.links.tokens import AssertedLink, IssuedToken, PendingLink
from pathline_gateway.reserved_names import ACCOUNT_SOURCE

EVERYBODY: Final = b""
"""The caller under which the attempts of all are counted."""

_ISSUE = """
insert into link_token (digest, org, subject, expires_at) values ($1, $2, $3, now() + $4 * interval '1 second')
returning expires_at
"""
_COUNT_OPEN = """
select count(*) from (
    select from link_token where org = $1 and token_link_id is null and expires_at > now() limit $2
) as found
"""
# What is long over tells nobody anything. A few at a time, whenever one is issued.
_DELETE_EXPIRED = """
with tokens as (
    delete from link_token where digest in (
        select digest from link_token where expires_at < now() - interval '1 day' order by expires_at limit 100)
)
delete from redemption_attempt where window_start < now() - interval '1 day'
"""
_SELECT_ISSUED = """
select org, subject, expires_at > now() as fresh, token_link_id from link_token
where digest = any($1::bytea[]) order by digest for update
"""
_SELECT_PENDING = """
select id, a_org, a_subject, b_org, b_subject, account, publish_lease_until <= now() as free from token_link
where id = any($1::uuid[]) and published_at is null
"""
_RESERVE = """
insert into token_link (id, a_org, a_subject, b_org, b_subject, account, publish_lease_until)
values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 second')
"""
_SPEND = "update link_token set token_link_id = $2 where digest = any($1::bytea[])"
_EXTEND_HOLD = "update token_link set publish_lease_until = now() + $2 * interval '1 second' where id = $1"
_RELEASE_HOLD = "update token_link set publish_lease_until = now() where id = $1 and published_at is null"
_MARK_PUBLISHED = "update token_link set published_at = now() where id = $1 and published_at is null"
_READ = """
select t.id, t.a_org, t.a_subject, t.b_org, t.b_subject, t.account, t.created_at, t.published_at, t.retracted_at,
    l.seq is not null as seen, r.reason
from token_link t
left join source s on s.source = $2
left join seen_evidence l on l.source = s.id and l.id = 'token-' || t.id
left join review_item r on r.source = l.source and r.id = l.id
where t.id = $1
"""
_RETRACT = """
update token_link set retracted_at = coalesce(retracted_at, now()) where id = $1 and published_at is not null
returning retracted_at
"""
# Counted before the tokens are looked at, and given back when they were good: so that many at once are not more.
_COUNT_ATTEMPT = """
insert into redemption_attempt as r (caller, window_start, attempts)
values ($1, date_bin($2 * interval '1 second', now(), 'epoch'), 1)
on conflict (caller, window_start) do update set attempts = r.attempts + 1 where r.attempts < $3
returning window_start
"""
_UNCOUNT_ATTEMPT = (
    "update redemption_attempt set attempts = attempts - 1 where caller = $1 and window_start = $2 and attempts > 0"
)


@dataclass(frozen=True, slots=True)
class TokenLink:
    """A link that a person made by tokens, and how far it has come."""

    id: UUID
    a_org: str
    a_subject: str
    b_org: str
    b_subject: str
    account: str | None
    created_at: datetime
    published_at: datetime | None
    retracted_at: datetime | None
    is_bound: bool
    """The membership writer has seen it."""
    wait_reason: str | None
    """Why it does not bind, and waits for a reviewer."""

    @property
    def event_id(self) -> str:
        """The id of the event that says it."""
        return f"token-{self.id}"


async def count_open(connection: asyncpg.Connection, org: str, max_count: int) -> int:
    """How many tokens of this organisation may be used; no more than `max_count` are counted."""
    return int(await connection.fetchval(_COUNT_OPEN, org, max_count))


async def insert_token(connection: asyncpg.Connection, digest: bytes, org: str, subject: str, seconds: int) -> datetime:
    """The token of this digest stands for this subject; until when."""
    await connection.execute(_DELETE_EXPIRED)
    expires_at: datetime = await connection.fetchval(_ISSUE, digest, org, subject, seconds)
    return expires_at


async def lock_issued(connection: asyncpg.Connection, digests: Collection[bytes]) -> list[IssuedToken]:
    """Those of these tokens that were issued. Nobody else can spend them until this transaction ends."""
    rows = await connection.fetch(_SELECT_ISSUED, list(digests))
    return [IssuedToken((row["org"], row["subject"]), row["fresh"], row["token_link_id"]) for row in rows]


async def find_pending(connection: asyncpg.Connection, links: Collection[UUID]) -> PendingLink | None:
    """The one link of these that is written down and not published."""
    rows = await connection.fetch(_SELECT_PENDING, list(links))
    if len(rows) != 1:
        return None
    (row,) = rows
    pair = frozenset(((row["a_org"], row["a_subject"]), (row["b_org"], row["b_subject"])))
    return PendingLink(row["id"], pair, row["account"], row["free"])


async def insert_link(
    connection: asyncpg.Connection, digests: Collection[bytes], link: AssertedLink, account: str | None, seconds: int
) -> UUID:
    """The tokens are spent on this link, which its caller has so many seconds to publish."""
    id, (a, b) = uuid4(), link.pair
    await connection.execute(_RESERVE, id, *a, *b, account, seconds)
    await connection.execute(_SPEND, list(digests), id)
    return id


async def extend_hold(connection: asyncpg.Connection, id: UUID, seconds: int) -> None:
    """The caller has so many seconds more to publish this link."""
    await connection.execute(_EXTEND_HOLD, id, seconds)


async def release_hold(connection: asyncpg.Connection, id: UUID) -> None:
    """Nobody is publishing this link."""
    await connection.execute(_RELEASE_HOLD, id)


async def mark_published(connection: asyncpg.Connection, id: UUID) -> None:
    """The broker has this link: its tokens are used."""
    await connection.execute(_MARK_PUBLISHED, id)


async def find_link(connection: asyncpg.Connection, id: UUID) -> TokenLink | None:
    """A link that tokens were spent on."""
    row = await connection.fetchrow(_READ, id, ACCOUNT_SOURCE)
    return None if row is None else TokenLink(*row.values())


async def mark_retracted(connection: asyncpg.Connection, id: UUID) -> datetime | None:
    """The link is taken back; since when, the same however often that is said. None: it was never published."""
    retracted_at: datetime | None = await connection.fetchval(_RETRACT, id)
    return retracted_at


async def count_attempt(
    connection: asyncpg.Connection, caller: bytes, seconds: int, max_attempts: int
) -> datetime | None:
    """The attempt is counted in this window; None when the caller had as many in it as are allowed."""
    window_start: datetime | None = await connection.fetchval(_COUNT_ATTEMPT, caller, seconds, max_attempts)
    return window_start


async def uncount_attempt(connection: asyncpg.Connection, caller: bytes, window_start: datetime) -> None:
    """The attempt was no failure. Outside a transaction: one row at a time, so that nobody waits for two."""
    for counted_caller in (caller, EVERYBODY):
        await connection.execute(_UNCOUNT_ATTEMPT, counted_caller, window_start)
