"""Events are handed out by the evidence that came with them or before them, however late that is bound."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pathline.vocabulary.trust import ConsentGiven
from pathline_gateway.embedded import Machine
from pathline_gateway.identity.membership_writer import MembershipWriter
from support.examples import examples
from support.gateways.routes import GatewayRoutes, routes_on, subscriber
from support.gateways.shards import LEADERS
from support.gateways.subscriptions import subscribe_by_pull
from support.intake.history import START, Event, accepted, linked, offered, ref, retracted, step, subject
from support.intake.played import find_faults

ORGS = ("clinic", "housing", "court")


async def stored(gateway: GatewayRoutes, *told: Event) -> None:
    """They are in the store; the membership writer has not seen them."""
    async with gateway.pool.acquire() as connection:
        await gateway.partition.apply(connection, *told)


async def delivered_minutes(gateway: GatewayRoutes, org: str, id: str) -> list[int]:
    """What this organisation may read of what its stream was given, each event by its minute."""
    return [minute for _, minute in await delivered_on_pathways(gateway, org, id)]


async def delivered_on_pathways(gateway: GatewayRoutes, org: str, id: str) -> list[tuple[str | None, int]]:
    """The same, each with the pathway that it is on now; None where the organisation has no name for it."""
    answer = await gateway.request(
        subscriber(org), "GET", f"/v1/subscriptions/{id}/events", params={"after": "n0", "limit": 100}
    )
    assert answer.status_code == 200, answer.text
    shown = [each for each in answer.json()["events"] if "withheld" not in each]
    times = [datetime.fromisoformat(each["time"]) for each in shown]
    minutes = [int((time - START).total_seconds()) // 60 for time in times]
    return [(each.get("pathway"), minute) for each, minute in zip(shown, minutes, strict=True)]


def agreed(holder: str, n: int, recipient: str) -> Event:
    """The recipient may see what this organisation holds of her."""
    said = {
        "consent": f"c-{n}", "holders": [holder], "recipients": [recipient], "nouns": ["activity"], "purpose": "care",
    }  # fmt: skip
    return Event(holder, f"agreed-{holder}-{n}", subject(n), ConsentGiven.model_validate(said))


async def test_who_asked_is_given_the_answer_of_a_client_who_is_not_joined_yet(gateway: GatewayRoutes) -> None:
    await gateway.publish(offered("clinic", "o", 1, "housing", "clinic:h"), step("court", "here", 7))
    sender, court = (
        await subscribe_by_pull(gateway, subscriber("clinic"), "clinic"),
        await subscribe_by_pull(gateway, subscriber("court"), "court"),
    )
    await stored(gateway, accepted("housing", "a", 2, "clinic:h", 1), step("court", "meanwhile", 7, 2))
    await gateway.dispatch(everything=False)
    await stored(gateway, step("clinic", "later", 1, 3))
    assert await delivered_minutes(gateway, "clinic", sender) == []
    assert await delivered_minutes(gateway, "court", court) == [2], "nobody else waits for that"
    await gateway.bind()
    await gateway.dispatch(everything=False)
    assert await delivered_minutes(gateway, "clinic", sender) == [1, 3]


async def test_what_comes_after_a_parting_is_not_given_by_the_old_membership(gateway: GatewayRoutes) -> None:
    await gateway.publish(
        step("clinic", "c", 1), step("housing", "h", 2), agreed("housing", 2, "clinic"),
        linked("l", ref("clinic", 1), ref("housing", 2)),
    )  # fmt: skip
    reader = await subscribe_by_pull(gateway, subscriber("clinic"), "clinic")
    await stored(gateway, step("housing", "before", 2, 1))
    await gateway.dispatch(everything=False)
    await stored(gateway, retracted("r", "l"), step("housing", "after", 2, 2))
    await gateway.dispatch(everything=False)
    assert await delivered_minutes(gateway, "clinic", reader) == [1]
    await gateway.bind()
    await gateway.dispatch(everything=False)
    assert await delivered_minutes(gateway, "clinic", reader) == [], "nor is what was given shown any more"


TURNS = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.sampled_from(ORGS), st.sampled_from([1, 2, 11, 12])),
        st.tuples(st.just("link"), st.sampled_from(ORGS), st.integers(1, 2)),
        st.tuples(st.just("offer"), st.sampled_from(ORGS), st.integers(1, 2)),
        st.tuples(st.just("accept"), st.sampled_from(ORGS), st.integers(1, 2)),
        st.tuples(st.just("bind"), st.just(""), st.just(0)),
        st.tuples(st.just("hand out"), st.just(""), st.sampled_from(range(len(LEADERS)))),
    ),
    min_size=3,
    max_size=20,
)


def event_of_turn(n: int, turn: str, org: str, who: int) -> Event:
    """What somebody publishes at this turn."""
    other = ORGS[(ORGS.index(org) + 1) % len(ORGS)]
    match turn:
        case "step":
            return step(org, f"e{n}", who, minute=n)
        case "link":
            return linked(f"e{n}", ref(org, who), ref(other, who), minute=n)
        case "offer":
            return offered(org, f"e{n}", who, other, f"{org}:{who}", minute=n)
        case _:
            return accepted(other, f"e{n}", who + 10, f"{org}:{who}", minute=n)


@dataclass
class Deliveries:
    """What each organisation was given, and of which earlier events each event shared the pathway when it came."""

    by_org: dict[str, list[tuple[str | None, int]]] = field(default_factory=dict)
    followed: dict[int, set[int]] = field(default_factory=dict)
    """Of what was bound at once: by the minute of an event, the minutes of those before it on its pathway."""


async def deliveries_of(machine: Machine, turns: list[Any], *, at_once: bool) -> Deliveries:
    """`at_once`: each event is bound and handed out before the next comes."""
    given = Deliveries()
    async with routes_on(machine) as gateway:
        for who in (1, 2):
            for org, other in zip(ORGS, (*ORGS[1:], ORGS[0]), strict=True):
                await gateway.publish(agreed(other, who, org), agreed(other, who + 10, org))
        subscriptions = {org: await subscribe_by_pull(gateway, subscriber(org), org) for org in ORGS}
        for n, (turn, org, who) in enumerate(turns):
            if turn not in ("bind", "hand out"):
                await stored(gateway, event_of_turn(n, turn, org, who))
            if turn == "bind" or at_once:
                await gateway.bind()
            if at_once:
                given.followed[n] = await minutes_before(gateway, n)
            if turn == "hand out" or at_once:
                await gateway.dispatch(everything=False, leadership=LEADERS[0 if at_once else who])
        await gateway.bind()
        for leader in LEADERS[1:3]:
            await gateway.dispatch(everything=False, leadership=leader)
        async with gateway.pool.acquire() as connection:
            assert await connection.fetchval("select count(*) from dispatch_held") == 0
            assert await find_faults(connection) == {}
        given.by_org = {org: await delivered_on_pathways(gateway, org, id) for org, id in subscriptions.items()}
        return given


async def minutes_before(gateway: GatewayRoutes, minute: int) -> set[int]:
    """The events before that of this minute which are on its pathway now."""
    async with gateway.pool.acquire() as connection:
        rows = await connection.fetch(
            """
            select before.time from interaction it join ref_pathway i on i.ref = it.ref
            join ref_pathway b on b.pathway = i.pathway join interaction before on before.ref = b.ref
            where it.time = $1 and before.time < $1
            """,
            START + timedelta(minutes=minute),
        )
    return {int((row["time"] - START).total_seconds()) // 60 for row in rows}


@given(TURNS)
@examples(20, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whoever_binds_late_misses_nothing_of_what_binding_at_once_gives(
    machine: Machine, turns: list[Any]
) -> None:
    late = await deliveries_of(machine, turns, at_once=False)
    at_once = await deliveries_of(machine, turns, at_once=True)
    for org in ORGS:
        minutes, expected = [minute for _, minute in late.by_org[org]], [minute for _, minute in at_once.by_org[org]]
        assert len(set(minutes)) == len(minutes), "once each"
        assert set(expected) <= set(minutes)
        # What comes of two pathways that are one only later has no order.
        given_at = {minute: position for position, minute in enumerate(minutes)}
        for minute in minutes:
            assert all(given_at[each] < given_at[minute] for each in at_once.followed[minute] & set(minutes)), (
                "in order"
            )


async def test_a_flood_of_links_holds_up_nobody_whom_it_is_not_about(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("court", "here", 7))
    court = await subscribe_by_pull(gateway, subscriber("court"), "court")
    await stored(gateway, *(linked(f"l{n}", ref("clinic", n), ref("housing", n)) for n in range(10, 400)))
    await stored(gateway, step("court", "meanwhile", 7, 2))
    await gateway.dispatch(everything=False)
    assert await delivered_minutes(gateway, "court", court) == [2]


async def test_a_flood_of_links_does_not_hold_up_what_a_bound_link_is_about(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("court", "here", 7), step("clinic", "c", 1), agreed("clinic", 1, "court"))
    court = await subscribe_by_pull(gateway, subscriber("court"), "court")
    await stored(gateway, *(linked(f"l{n}", ref("clinic", n), ref("housing", n)) for n in range(10, 400)))
    link = linked("hers", ref("clinic", 1), ref("court", 7))
    await stored(gateway, replace(link, org="court"), step("clinic", "meanwhile", 1, 2))
    await gateway.dispatch(everything=False)
    assert await delivered_minutes(gateway, "court", court) == []
    await MembershipWriter(gateway.pool).bind_batch()  # one turn: of each organisation, the oldest
    async with gateway.pool.acquire() as connection:
        assert await connection.fetchval("select count(*) from unseen_evidence_ref") > 0, "the flood waits still"
    await gateway.dispatch(everything=False)
    assert await delivered_minutes(gateway, "court", court) == [2]
