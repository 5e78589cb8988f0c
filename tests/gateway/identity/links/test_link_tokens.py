"""A token is spent once, whoever redeems at the same time and whatever crashes: on a real Postgres."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pathline.interaction import Interaction
from pathline.vocabulary import IdentityLinked, Payload
from pathline_gateway.embedded import Machine
from pathline_gateway.identity.evidence_publisher import EvidencePublisher
from pathline_gateway.identity.links.service import AttemptLimits, TokenLinkService
from pathline_gateway.web.problem import Problem
from support.examples import examples
from support.intake.history import subject
from support.postgres.fresh_database import fresh_database

PEOPLE = [("east", 1), ("west", 2), ("north", 3), ("east", 4)]
ENDLESS = AttemptLimits(max_per_caller=10**6, max_total=10**6)


@dataclass
class Broker:
    """Keeps what is published, or fails as it is told."""

    events: list[Interaction[Payload]] = field(default_factory=list)
    fails: list[BaseException] = field(default_factory=list)

    async def write(self, events: Sequence[Interaction[Payload]]) -> None:
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails.pop()
        self.events += events


@asynccontextmanager
async def process(database: str, broker: Broker, allowed: AttemptLimits = ENDLESS) -> AsyncIterator[TokenLinkService]:
    """What one gateway process has."""
    async with asyncpg.create_pool(database, min_size=1, max_size=4) as pool:
        yield TokenLinkService(
            pool, EvidencePublisher(pool, broker.write, timeout_s=0), b"k" * 32, attempt_limits=allowed
        )


async def tokens(linking: TokenLinkService, *people: tuple[str, int]) -> list[str]:
    return [(await linking.issue(org, subject(n)))[0] for org, n in people]


async def outcome(linking: TokenLinkService, shown: Sequence[str], caller: str = "somebody") -> str:
    """The id of the link, or the kind of the refusal."""
    try:
        return (await linking.link(shown, None, caller)).event_id
    except Problem as problem:
        return f"{problem.status} {problem.reason} {problem.detail}"


_NO = "404 no-such-token no link was made: a token is unknown, expired or used, or both are of one record"

redemptions = st.lists(
    st.lists(st.integers(0, len(PEOPLE) - 1), min_size=2, max_size=2).map(tuple), min_size=2, max_size=8
)


@pytest.fixture(scope="session")
def one_database(machine: Machine) -> str:
    return asyncio.run(fresh_database(machine))


@examples(60, deadline=None, suppress_health_check=list(HealthCheck))
@given(redemptions)
def test_however_many_redeem_at_once_each_token_is_in_one_link(
    one_database: str, wanted: list[tuple[int, int]]
) -> None:
    asyncio.run(_at_once(one_database, wanted))


async def _at_once(database: str, wanted: list[tuple[int, int]]) -> None:
    broker = Broker()
    async with process(database, broker) as one, process(database, broker) as other:
        issued = await tokens(one, *PEOPLE)
        told = await asyncio.gather(
            *(outcome((one, other)[n % 2], [issued[a], issued[b]]) for n, (a, b) in enumerate(wanted))
        )
    linked = [pair for pair, said in zip(wanted, told, strict=True) if not said.startswith("404")]
    assert all(said.startswith((_NO, "token-")) for said in told)
    used = Counter(token for pair in linked for token in pair)
    assert all(n == 1 for n in used.values())
    assert sorted(event.id for event in broker.events) == sorted(said for said in told if said.startswith("token-"))
    # Whoever could have linked has: of two good tokens nobody else took, the link is there.
    for a, b in wanted:
        assert a == b or a in used or b in used


async def test_what_the_broker_did_not_take_is_linked_by_the_same_tokens_and_by_no_others(database: str) -> None:
    broker = Broker()
    async with process(database, broker) as linking:
        a, b, c = await tokens(linking, *PEOPLE[:3])
        broker.fails = [Problem(503, "broker-unavailable", "away")]
        assert (await outcome(linking, [a, b])).startswith("503")
        assert (await outcome(linking, [a, c])).startswith(_NO)
        assert (await outcome(linking, [b, c])).startswith(_NO)
        linked = await outcome(linking, [b, a])
        assert linked.startswith("token-")
        assert (await outcome(linking, [a, b])).startswith(_NO)
    assert [event.id for event in broker.events] == [linked]


async def test_after_a_death_between_reserving_and_publishing_there_is_one_event_or_none(database: str) -> None:
    broker = Broker()
    async with process(database, broker) as linking:
        a, b, c = await tokens(linking, *PEOPLE[:3])
        broker.fails = [KeyboardInterrupt()]
        with pytest.raises(KeyboardInterrupt):
            await linking.link([a, b], None, "somebody")
        assert (await outcome(linking, [a, b])).startswith(_NO)
        assert (await outcome(linking, [a, c])).startswith(_NO)
        assert broker.events == []
        await linking.pool.execute("update token_link set publish_lease_until = now()")
        assert (await outcome(linking, [a, c])).startswith(_NO)
        with pytest.raises(Problem):
            await linking.link([a, b], subject(9), "somebody else, signed in")
        await linking.pool.execute("update token_link set publish_lease_until = now()")
        assert (await outcome(linking, [a, b])).startswith("token-")
    (event,) = broker.events
    assert isinstance(event.payload, IdentityLinked)
    assert {ref.org for ref in event.payload.same} == {"east", "west"}


async def test_after_a_death_between_publishing_and_saying_so_the_event_is_the_same(database: str) -> None:
    broker = Broker()
    async with process(database, broker) as linking:
        pair = await tokens(linking, *PEOPLE[:2])
        first = await outcome(linking, pair)
        await linking.pool.execute("update token_link set published_at = null, publish_lease_until = now()")
        assert await outcome(linking, pair) == first
    one, again = broker.events
    assert one.event == again.event


async def test_failures_are_counted_over_all_processes_and_good_tokens_are_not(database: str) -> None:
    broker, allowed = Broker(), AttemptLimits(max_per_caller=3, max_total=5)
    async with process(database, broker, allowed) as one, process(database, broker, allowed) as other:
        for _ in range(4):
            assert (await outcome(one, await tokens(one, *PEOPLE[:2]))).startswith("token-")
        said = await asyncio.gather(*(outcome((one, other)[n % 2], ["x", "y"]) for n in range(6)))
        assert Counter(each[:3] for each in said) == {"404": 3, "429": 3}
        assert (await outcome(other, await tokens(one, *PEOPLE[:2]))).startswith("429")
        assert [(await outcome(one, ["x", "y"], "another"))[:3] for _ in range(3)] == ["404", "404", "429"]
        assert (await outcome(other, await tokens(one, *PEOPLE[:2]), "a third")).startswith("429")
        kept = await one.pool.fetch("select caller from redemption_attempt")
        assert sorted(len(row["caller"]) for row in kept) == [0, 16, 16]
        await one.pool.execute("update redemption_attempt set window_start = window_start - interval '1 hour'")
        assert (await outcome(one, await tokens(one, *PEOPLE[:2]))).startswith("token-")


async def test_what_is_long_over_is_swept_away_and_what_was_linked_stays(database: str) -> None:
    async with process(database, Broker()) as linking:
        await outcome(linking, await tokens(linking, *PEOPLE[:2]))
        await linking.pool.execute("update link_token set expires_at = now() - interval '2 days'")
        await tokens(linking, PEOPLE[2])
        assert await linking.pool.fetchval("select count(*) from link_token") == 1
        assert await linking.pool.fetchval("select count(*) from token_link") == 1
