"""Each side is told of silence as if nothing existed that is concealed from it: what is hidden changes no notice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gateway.streams.dispatch.silence_oracle import Happened, Register, Said, ToldBy, standing
from gateway.streams.dispatch.watchdog_run import HASH, TOKEN, WatchdogRun
from pathline import instant
from pathline.vocabulary import TYPES
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.embedded import Machine
from pathline_gateway.handoffs import side_notices
from pathline_gateway.handoffs.side_lifecycles import compute_side_lifecycles
from pathline_gateway.handoffs.silence import SOURCE
from pathline_gateway.integrity.rebuild.run import rebuild
from support.examples import examples
from support.gateways.routes import GatewayRoutes, routes_on, subscriber
from support.gateways.subscriptions import subscribe_by_pull
from support.intake.history import Event, linked, ref, step, subject
from support.intake.played import find_faults

ORGS = ("clinic", "court", "housing", "refuge")
HANDOFFS = ("clinic:h", "housing:k")
_CONCEALS = "update organisation set conceals = $1 where org = 'refuge'"
_REF = "insert into concealed_ref (org, subject, entered_by) values ('housing', $1, 'tests')"
_NO_REF = "delete from concealed_ref where org = 'housing' and subject = $1"


class World:
    """One person whom four organisations know, a watchdog, and the subscription of each."""

    def __init__(self, gateway: GatewayRoutes) -> None:
        self.gateway, self.dog, self.begin = gateway, WatchdogRun(gateway), datetime.now(UTC).replace(microsecond=0)
        self.minute, self.known_to = 0, -1
        self.events: list[Happened] = []
        self.register = Register()
        self.expected = {org: ToldBy(org) for org in (None, *ORGS)}
        self.found: dict[str | None, list[Said]] = {org: [] for org in (None, *ORGS)}
        self.numbers: dict[str | None, list[int]] = {org: [] for org in (None, *ORGS)}
        self.subscriptions: dict[str | None, str] = {}

    async def begun(self) -> World:
        """Everybody is here, and has subscribed."""
        await self.gateway.publish(*(step(org, "here", n) for n, org in enumerate(ORGS, 1)))
        await self.gateway.publish(
            *(linked(f"l{n}", ref(ORGS[0], 1), ref(org, n)) for n, org in enumerate(ORGS[1:], 2))
        )
        for org in ORGS:
            self.subscriptions[org] = await subscribe_by_pull(
                self.gateway, subscriber(org), org, {"exact": {"source": SOURCE}}
            )
        self.subscriptions[None] = await subscribe_by_pull(
            self.gateway, AUTH_DISABLED_CALLER, "reader", {"exact": {"source": SOURCE}}
        )
        return self

    async def publish(
        self, org: str, verb: str, handoff: str, to: str | None = None, hidden: bool = False, **due: int
    ) -> None:
        """It is stored and bound; `due`: minutes from now."""
        n = len(self.events)
        # No two are due at the same time.
        until = {stage: self.minute + minutes + n for stage, minutes in due.items()}
        self.events.append(Happened(org, verb, handoff, n, to, tuple(until.items()), hidden))
        said: dict[str, Any] = {"handoff": handoff, "safety": "conceal" if hidden else None}
        if verb in ("offered", "redirected"):
            served = {stage: instant.to_text(self.begin + timedelta(minutes=minute)) for stage, minute in until.items()}
            said |= {"to": {"org": to}, "token_sha256": HASH, "due": served or None}
        more: dict[str, dict[str, Any]] = {
            "offered": {"context_released": False},
            "accepted": {"token": TOKEN},
            "declined": {"token": TOKEN, "reason": "capacity"},
            "contact": {"kind": "inform"},
        }
        name = "contact.made" if verb == "contact" else f"handoff.{verb}"
        payload = TYPES[f"org.pathline.{name}.v1"].model_validate(said | more.get(verb, {}))
        await self.gateway.publish(Event(org, f"{org}-{n}", subject(ORGS.index(org) + 1), payload, n))

    async def conceal(self, what: str, conceals: bool) -> None:
        """The register conceals the refuge, or the person as housing knows her; or no longer does."""
        if what == "refuge":
            self.register.orgs = {"refuge"} if conceals else set()
            await self.gateway.execute(_CONCEALS, conceals)
        elif conceals != ("housing" in self.register.refs):
            self.register.refs = {"housing"} if conceals else set()
            await self.gateway.execute(_REF if conceals else _NO_REF, subject(ORGS.index("housing") + 1))

    async def rebuild(self) -> None:
        """All that is derived is built again."""
        connection = await asyncpg.connect(self.gateway.database)
        await rebuild(connection)
        await connection.close()

    async def look(self, minutes: int = 0) -> None:
        """Some minutes later the watchdog looks, and everybody pulls."""
        self.minute += minutes
        self.known_to = self.minute if self.dog.broker else self.known_to
        self.gateway.now = self.begin + timedelta(minutes=self.minute)
        await self.dog.look()
        for org, told in self.expected.items():
            told.look(self.events, self.register, self.known_to, HANDOFFS)
            await self._pull(org)

    async def _pull(self, org: str | None) -> None:
        after = f"n{len(self.numbers[org])}"
        by, path = (
            AUTH_DISABLED_CALLER if org is None else subscriber(org),
            f"/v1/subscriptions/{self.subscriptions[org]}/events",
        )
        page = await self.gateway.request(by, "GET", path, params={"after": after})
        for event in page.json()["events"]:
            self.numbers[org].append(event["number"])
            data, kind = event["data"], event["type"].split(".")[-2]
            minute = (datetime.fromisoformat(data["due"]) - self.begin) // timedelta(minutes=1)
            self.found[org].append((kind, data["handoff"], data["stage"], minute))

    def check(self) -> None:
        """Everybody was told what she had to be, in order for each stage, and numbered without a gap."""
        for org, told in self.expected.items():
            assert _by_stage(self.found[org]) == _by_stage(told.given), org
            assert self.numbers[org] == list(range(1, len(self.numbers[org]) + 1))


def _by_stage(said: Sequence[Said]) -> dict[tuple[str, str], list[Said]]:
    found: dict[tuple[str, str], list[Said]] = {}
    for each in said:
        found.setdefault((each[1], each[2]), []).append(each)
    return found


_SELDOM = st.sampled_from((False, False, False, False, True))
_OFFER = st.tuples(st.just("offer"), st.sampled_from(HANDOFFS), st.sampled_from(ORGS), _SELDOM)
_ANSWER = st.tuples(
    st.just("answer"),
    st.sampled_from(HANDOFFS),
    st.sampled_from(("accepted", "declined", "redirected", "cancelled", "contact")),
    st.sampled_from(("receiver", "receiver", "receiver", "sender", *ORGS)),
    st.sampled_from(("court", "refuge", "housing")),
    st.booleans(),
    st.booleans(),
)
_MORE = st.one_of(
    _OFFER,
    st.tuples(st.just("conceal"), st.sampled_from(("refuge", "housing")), st.booleans()),
    st.tuples(st.sampled_from(("restart", "outage", "back", "rebuild"))),
)
_WAIT = st.tuples(st.just("wait"), st.sampled_from((20, 50)))
HISTORIES = st.builds(
    lambda first, rest: [first, *rest],
    _OFFER,
    st.lists(st.one_of(_ANSWER, _ANSWER, _WAIT, _WAIT, _MORE), min_size=4, max_size=16),
)


async def play(world: World, turns: Sequence[Any]) -> None:
    """All this happens, and the watchdog looks after each."""
    for turn in (*turns, ("back",), ("wait", 100)):
        minutes = 0
        match turn:
            case ("offer", handoff, to, hidden):
                sender = handoff.partition(":")[0]
                to = to if to != sender else "court"
                await world.publish(sender, "offered", handoff, to, hidden, accept=40, contact=90)
            case ("answer", handoff, verb, who, to, hidden, anew):
                now = standing(handoff, world.events)
                org = {"receiver": now.to, "sender": now.sender}.get(who, who) or "court"
                due = {"accept": 30} if anew else {}
                await world.publish(org, verb, handoff, to if verb == "redirected" else None, hidden,
                                    **(due if verb == "redirected" else {}))  # fmt: skip
            case ("conceal", what, conceals):
                await world.conceal(what, conceals)
            case ("wait", minutes):
                pass
            case ("restart",):
                world.dog.restart()
            case ("rebuild",):
                await world.rebuild()
            case ("outage" | "back" as way,):
                world.dog.broker = way == "back"
        await world.look(minutes)


@given(HISTORIES)
@examples(12, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_side_is_told_as_if_what_is_concealed_from_it_did_not_exist(
    machine: Machine, turns: list[tuple[Any, ...]]
) -> None:
    async with routes_on(machine) as gateway:
        world = await World(gateway).begun()
        await play(world, turns)
        world.check()
        async with gateway.pool.acquire() as connection:
            assert await find_faults(connection) == {}


async def begun(gateway: GatewayRoutes) -> World:
    """Clinic has asked housing for an answer within 40 minutes."""
    world = await World(gateway).begun()
    await world.publish("clinic", "offered", "clinic:h", "housing", accept=40)
    return world


def kinds(world: World, org: str | None) -> list[str]:
    """Of what kind the notices were that it was given."""
    return [kind for kind, *_ in world.found[org]]


async def test_an_answer_that_is_concealed_keeps_no_notice_from_who_asked(gateway: GatewayRoutes) -> None:
    world = await begun(gateway)
    await world.publish("housing", "accepted", "clinic:h", hidden=True)
    await world.look(50)
    assert (kinds(world, "clinic"), kinds(world, "housing"), kinds(world, None)) == (["silent"], [], [])
    # To who may not know that it was accepted, this is the first answer.
    await world.publish("housing", "declined", "clinic:h")
    await world.look()
    assert (kinds(world, "clinic"), kinds(world, "housing"), kinds(world, None)) == (["silent", "answered"], [], [])
    world.check()


async def test_an_answer_that_is_concealed_ends_no_silence_for_who_asked(gateway: GatewayRoutes) -> None:
    world = await begun(gateway)
    await world.look(50)
    await world.publish("housing", "accepted", "clinic:h", hidden=True)
    await world.look()
    both = ["silent", "answered"]
    assert (kinds(world, "clinic"), kinds(world, "housing"), kinds(world, None)) == (["silent"], both, both)
    await world.publish("housing", "declined", "clinic:h")
    await world.look()
    assert (kinds(world, "clinic"), kinds(world, "housing"), kinds(world, None)) == (both, both, both)
    world.check()


async def test_an_offer_that_was_taken_back_secretly_is_still_waited_for(gateway: GatewayRoutes) -> None:
    world = await begun(gateway)
    await world.publish("clinic", "cancelled", "clinic:h", hidden=True)
    await world.look(50)
    assert (kinds(world, "clinic"), kinds(world, "housing"), kinds(world, None)) == ([], ["silent"], [])
    world.check()


async def test_what_the_register_conceals_and_shows_again_is_judged_again(gateway: GatewayRoutes) -> None:
    world = await begun(gateway)
    await world.publish("housing", "declined", "clinic:h")
    await world.look(50)
    assert kinds(world, "clinic") == []
    await world.conceal("housing", True)
    await world.look()
    assert kinds(world, "clinic") == ["silent"]
    await world.conceal("housing", False)
    await world.look()
    assert (kinds(world, "clinic"), kinds(world, "housing")) == (["silent", "answered"], [])
    world.check()


async def test_a_side_that_cannot_be_computed_is_set_aside_and_stops_nobody(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await begun(gateway)
    await world.publish("housing", "offered", "housing:k", "clinic", accept=40)
    await world.look()

    def failing(handoff: str, *more: Any) -> Any:
        if handoff == "clinic:h":
            raise KeyError
        return compute_side_lifecycles(handoff, *more)

    with monkeypatch.context() as patched:
        patched.setattr(side_notices, "compute_side_lifecycles", failing)
        await world.publish("housing", "accepted", "clinic:h", hidden=True)
        await world.publish("clinic", "accepted", "housing:k", hidden=True)
        await world.look(50)
        assert world.found["clinic"] == []
        assert [each[:2] for each in world.found["housing"]] == [("silent", "housing:k")]
    await gateway.execute("update set_aside set retry_at = now()")
    await world.look()
    world.check()


@pytest.mark.parametrize(
    "broken",
    [
        "update handoff_side set accept_answered_at = now() where org = 'clinic'",
        "update handoff_side set receiver = 'court' where org = 'housing'",
        "delete from handoff_side",
    ],
)
async def test_what_a_side_may_know_is_verified_and_built_again(gateway: GatewayRoutes, broken: str) -> None:
    world = await begun(gateway)
    await world.publish("housing", "accepted", "clinic:h", hidden=True)
    await world.look()
    await gateway.execute(broken)
    async with gateway.pool.acquire() as connection:
        assert await find_faults(connection) == {"clocks": 1}
    await world.rebuild()
    await world.look(50)
    async with gateway.pool.acquire() as connection:
        assert await find_faults(connection) == {}
    world.check()
