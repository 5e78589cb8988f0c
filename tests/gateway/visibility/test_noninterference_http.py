"""The same through HTTP, on a real Postgres: histories that differ in what a reader may not see answer her alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gateway.visibility.common_history import COMMON, name_pathways_by_subject
from pathline_gateway.auth.caller import Caller
from pathline_gateway.embedded import Machine
from support.examples import examples
from support.gateways.routes import OPERATOR, GatewayRoutes, citizen, helper, purpose_headers, routes_on, subscriber
from support.intake.history import Event, corrected, linked, ref, step, subject, voided
from support.intake.life import make_event

pytestmark = pytest.mark.timeout(600)

ME, FRIEND = citizen(subject(9)), helper(subject(3))


# What the readers of each kind may not see. Every one is concealed, or somebody else's and shown by nothing.
CONCEALED: Sequence[Sequence[Event]] = (
    (step("refuge", "r1", 7, 0), linked("lr", ref("refuge", 7), ref("alpha", 1))),
    (step("refuge", "r1", 7, 0), linked("lr", ref("refuge", 7), ref("citizen", 9)), step("refuge", "r2", 7, 8)),
    (step("refuge", "r1", 7, 0), voided("refuge", "rv", "r1"), linked("lr", ref("refuge", 7), ref("beta", 1))),
    (step("refuge", "r1", 7), corrected("refuge", "rc", "r1", "Moved"), linked("lr", ref("beta", 1), ref("refuge", 7))),
    (make_event("beta", "b8", "contact.made", 1, 8, kind="inform", service="quiet-service"),),
    (make_event("beta", "b9", "contact.made", 1, 9, kind="inform", safety="conceal"),),
    (
        make_event("beta", "b7", "handoff.offered", 1, 7, handoff="beta:1", to={"org": "refuge"}, token_sha256="0" * 64,
             context_released=True),
    ),
    (
        make_event("refuge", "rk", "consent.given", 7, 5, consent="r", holders=[], recipients=["gamma"],
             nouns=["activity"], purpose="care"),
        linked("lr", ref("refuge", 7), ref("alpha", 1)),
    ),
)  # fmt: skip
FOREIGN: Sequence[Sequence[Event]] = (
    *CONCEALED,
    (step("gamma", "g1", 4, 2), linked("lg", ref("gamma", 4), ref("beta", 1))),
    (step("gamma", "g1", 4, 0), linked("lg", ref("gamma", 4), ref("alpha", 1)), step("gamma", "g2", 4, 9)),
    (step("citizen", "m2", 9, 6),),
    (make_event("beta", "b6", "decision.made", 1, 6, decision="d", result="refused"),),
    (
        make_event("citizen", "k5", "consent.given", 9, 6, consent="c5", holders=[], recipients=["gamma"],
             nouns=["activity"], purpose="care"),
    ),
    (
        make_event("citizen", "k6", "consent.given", 9, 6, consent="c6", holders=[], recipients=["alpha"],
             nouns=["activity", "decision"], purpose="billing"),
    ),
)  # fmt: skip
READERS: dict[str, tuple[Caller, dict[str, str], Sequence[Sequence[Event]]]] = {
    "an organisation": (subscriber("alpha"), ref("alpha", 1), FOREIGN),
    "a citizen": (ME, ref("citizen", 9), CONCEALED),
    "a helper": (FRIEND, ref("citizen", 9), CONCEALED),
    "an operator": (OPERATOR, ref("alpha", 1), CONCEALED),
}


async def played(
    machine: Machine, reader: str, hidden: Sequence[Sequence[Event]], first: bool
) -> list[tuple[Any, ...]]:
    """Everything that the reader can ask, asked after this history."""
    async with routes_on(machine) as gateway:
        others = list({(each.org, each.id): each for part in hidden for each in part}.values())
        for part in (others, COMMON) if first else (COMMON, others):
            if part:
                await gateway.publish(*part)
        for statement in _REGISTER:
            await gateway.execute(statement)
        # Births are random: they are given from outside, so that answers can be compared.
        await name_pathways_by_subject(gateway)
        return await _asked(gateway, reader)


_ALONE: dict[tuple[str, bool], list[tuple[Any, ...]]] = {}


def played_alone(machine: Machine, reader: str, first: bool) -> list[tuple[Any, ...]]:
    """The same where nothing is hidden: it is what it is, so it is asked once."""
    if (reader, first) not in _ALONE:
        _ALONE[reader, first] = asyncio.run(played(machine, reader, (), first))
    return _ALONE[reader, first]


_REGISTER = (
    "insert into organisation (org, registered_by) values ('refuge', 'operator') on conflict do nothing",
    "update organisation set conceals = true where org = 'refuge'",
    "insert into concealed_service (org, service, entered_by) values ('beta', 'quiet-service', 'operator')",
)
_KEPT = ("etag", "location", "cache-control", "content-type", "vary")


async def _asked(gateway: GatewayRoutes, reader: str) -> list[tuple[Any, ...]]:
    by, at, _ = READERS[reader]
    answers: list[tuple[Any, ...]] = []

    async def ask(method: str, path: str, **more: Any) -> Any:
        answer = await gateway.request(by, method, path, **more)
        kept = {
            name: answer.headers.get(name) for name in ("etag", "location", "cache-control", "content-type", "vary")
        }
        text = answer.text
        if path == "/v1/access":
            usage = answer.json()
            for each in usage.get("findUsage", ()):
                each.pop("id"), each.pop("logtime")
            text = json.dumps(usage)
        answers.append((method, answer.status_code, kept, text))
        return answer

    # Others look as well: what the citizen is told of it must not depend on what she may not see.
    for other, who in (
        (subscriber("alpha"), ref("alpha", 1)),
        (subscriber("beta"), ref("beta", 1)),
        (subscriber("refuge"), ref("refuge", 7)),
    ):
        found = await gateway.find(other, who["org"], who["subject"])
        await gateway.request(
            other, "GET", f"/v1/pathways/{found}" if found else "/v1/none", headers=purpose_headers("care")
        )
    for who in (at, ref("alpha", 2), ref("refuge", 7), ref("gamma", 4), ref("beta", 1), ref("none", 5)):
        for purpose in (None, "care", "other"):
            found = await ask("POST", "/v1/pathways/search", json=who | ({"purpose": purpose} if purpose else {}))
            if found.status_code != 200:
                continue
            path = f"/v1/pathways/{found.json()['pathway']}"
            read = await ask("GET", path, headers=purpose_headers(purpose))
            await ask(
                "GET", path, headers={**purpose_headers(purpose), "if-none-match": read.headers.get("etag", "none")}
            )
            await ask("GET", f"{path}/trace", headers=purpose_headers(purpose))
    for org, n in (("refuge", 7), ("gamma", 4), ("beta", 1)):
        birth = await gateway.pool.fetchval("select md5($1 || $2)::uuid", org, subject(n))
        await ask("GET", f"/v1/pathways/{birth}")
        await ask("GET", f"/v1/pathways/{birth}/trace")
    await ask("GET", f"/v1/pathways/{subject(1)}")
    await ask("GET", "/v1/access")
    await ask("GET", "/v1/consents")
    return answers


@given(data=st.data(), reader=st.sampled_from(sorted(READERS)))
@examples(30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_what_a_reader_may_not_see_changes_nothing_that_she_is_told(
    machine: Machine, data: st.DataObject, reader: str
) -> None:
    choices = READERS[reader][2]
    chosen = data.draw(st.lists(st.sampled_from(choices), min_size=1, max_size=3))
    first = data.draw(st.booleans())
    with_them = asyncio.run(played(machine, reader, chosen, first))
    without = played_alone(machine, reader, first)
    assert [a for a, b in zip(with_them, without, strict=True) if a != b] == []


@pytest.mark.parametrize("reader", ["an organisation", "an operator"])
def test_a_hidden_link_that_came_first_does_not_name_the_pathway(machine: Machine, reader: str) -> None:
    """A ref is there from when anything names it: what names it may be hidden."""
    for named in (ref("citizen", 9), ref("alpha", 2)):
        hidden = [(step("refuge", "r1", 7), linked("lr", ref("refuge", 7), named))]
        merged = [(linked("la", ref("alpha", 1), ref("alpha", 2)),)]
        first = asyncio.run(played(machine, reader, [*hidden, *merged], True))
        assert first == asyncio.run(played(machine, reader, merged, False))


def test_the_comparison_sees_a_difference_where_there_is_one(machine: Machine) -> None:
    shown = [(step("beta", "b3", 1, 3),)]
    for reader in ("an organisation", "a citizen", "an operator"):
        assert asyncio.run(played(machine, reader, shown, False)) != played_alone(machine, reader, False)
