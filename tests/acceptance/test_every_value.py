"""What is accepted can be read: every type, with extreme and odd values of every field, through every reader."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from acceptance.extreme_world import (
    CALM,
    INNOCENT,
    PATIENCE_S,
    World,
    asker,
    begin,
    calm_answers,
    every_event,
    known_to_persons,
    offer,
    orgs_of,
    published_at_random,
    subscribed,
)
from acceptance.readers import Asker, ask, bodies, fixed, may_ask, paths, queries, routes
from pathline.codec import json_format
from pathline.interaction import accept
from pathline.vocabulary import TYPES
from pathline_gateway import embedded
from pathline_gateway.auth.caller import Role
from pathline_gateway.integrity.verify.run import verify_all
from support.gateways.process import Gateway
from support.generators import extremes
from support.generators.extremes import EXTREMES_BY_REASON, ORG, ROUNDS, subject_of
from support.generators.payloads import VALUES_BY_REASON
from support.servers.webhook_receiver import listening_in_a_thread

pytestmark = pytest.mark.timeout(900)

# It takes minutes to tell all of it; `test_every_type` has each type through a gateway in seconds.
LONG = pytest.mark.long


def test_no_reason_is_forgotten() -> None:
    assert EXTREMES_BY_REASON.keys() == VALUES_BY_REASON.keys()
    assert max(map(len, EXTREMES_BY_REASON.values())) <= ROUNDS


@pytest.mark.parametrize("cls", TYPES.values(), ids=TYPES.keys())
def test_every_extreme_is_within_its_contract(cls: type[Any]) -> None:
    for event in extremes.events_of(cls):
        accept(json_format.decode(json.dumps(event).encode()))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything extreme was published, between a calm and an innocent person; nothing waits any more."""
    with listening_in_a_thread() as sink:
        # A busy machine is told by 503 and 504, too; here what is told by 5xx is that a value cannot be read.
        patient = {"PATHLINE_LIMIT_REQUEST_S": "600", "PATHLINE_LIMIT_CONNECTION_WAIT_S": "120"}
        up = Gateway(tmp_path_factory.mktemp("gateway") / "data", patient)
        try:
            world = World(up, sink)
            begin(world)
            for start in range(0, ROUNDS, 6):
                rounds = range(start, start + 6)
                world.publish([extremes.event_of(cls, n) for n in rounds for cls in TYPES.values()])
            published_at_random(world)
            up.settled()
            yield world
        finally:
            up.stop()


@LONG
def test_nothing_stands_still_and_nothing_of_others_is_changed(world: World) -> None:
    status = world.gateway.settled()
    assert status["parked"] == 0
    for asked, answer in calm_answers(world).items():
        assert answer == world.calm[asked], asked


@LONG
def test_an_innocent_hand_off_is_silent_in_time_and_told(world: World) -> None:
    due = datetime.now(UTC) + timedelta(seconds=1)
    world.publish([offer(CALM[0], INNOCENT, "innocent", "receiver", due)])

    def silence_is_delivered() -> bool:
        events = every_event(world.http, world.subscriptions[3])
        return any(each["type"] == "org.pathline.handoff.silent.v1" for each in events)

    world.gateway.until(silence_is_delivered, "silence is told", PATIENCE_S)
    world.gateway.until(
        lambda: any(b"handoff.silent" in each.body for each in world.sink.took), "and posted", PATIENCE_S
    )


@LONG
def test_every_subscription_is_given_and_posted_everything(world: World) -> None:
    for id in world.subscriptions:
        given_ = every_event(world.http, id)
        assert [each["number"] for each in given_] == list(range(1, len(given_) + 1))

        def posted(id: str = id) -> bool:
            said = world.http.get(f"/v1/subscriptions/{id}/status").json()
            return "last_asked" in said or (said["waiting"], said["delivered"]) == (0, said["given"])

        world.gateway.until(posted, "everything is posted", PATIENCE_S)


@LONG
def test_a_stream_holds_everything(world: World) -> None:
    for id in world.subscriptions[:3]:
        last = len(every_event(world.http, id))
        with world.http.stream("GET", f"/v1/subscriptions/{id}/stream", timeout=60) as stream:
            lines = (line for line in stream.iter_lines() if line.startswith("id:"))
            assert last == 0 or any(line.endswith(f"n{last}") for line in lines)


@LONG
def test_every_reader_answers_with_auth_off(world: World) -> None:
    read_everything(world.http, Asker("operator", None, {}), range(ROUNDS), world.subscriptions)


def read_everything(http: httpx.Client, who: Asker, rounds: range, subscriptions: list[str]) -> None:
    subjects = [(ORG, subject_of(n)) for n in rounds]
    values = {**fixed(), "subscription": subscriptions, **seen(http, who, subjects)}
    for route in (each for each in routes() if may_ask(each, who)):
        for path in paths(route, values):
            for body in bodies(route, subjects, who.org or ORG):
                for query in queries(route):
                    ask(http, who, route, path + query, body)


def seen(http: httpx.Client, asker: Asker, subjects: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Names of things as this asker knows them; none where she may not look."""

    def listed(route: str, name: str) -> list[str]:
        _, path = route.split(" ")
        if not may_ask(route, asker):
            return []
        answer = ask(http, asker, route, path, {})
        (found,) = (each for each in answer.json().values() if isinstance(each, list))
        return [str(each[name]) for each in found]

    pathways = []
    if may_ask("POST /v1/pathways/search", asker):
        for org, subject in subjects:
            found = ask(http, asker, "POST ", "/v1/pathways/search", {"json": {"org": org, "subject": subject}})
            pathways += [found.json()["pathway"]] if found.status_code == 200 else []
    desk = [ask(http, asker, "GET ", path, {}).text for path in ("/desk", "/desk/ended")]
    operations = re.findall(r'href="/docs/api/([^"?#/]+)"', ask(http, asker, "GET ", "/docs/api", {}).text)
    return {
        "pathway": pathways,
        "handle": re.findall(r'href="/desk/handoffs/([^"?#/]+)"', "".join(desk)),
        "operation": operations,
        "id": listed("GET /v1/parked", "id"),
        "item": listed("GET /v1/identity/review", "item"),
    }


@LONG
def test_verify_finds_no_difference(world: World) -> None:
    machine = embedded.find_machine(world.gateway.data)
    assert machine is not None

    async def differences() -> dict[str, int]:
        connection = await asyncpg.connect(machine.database)
        try:
            return {
                check.name: check.differing_count for check in await verify_all(connection) if check.differing_count
            }
        finally:
            await connection.close()

    assert asyncio.run(differences()) == {}


@LONG
def test_every_role_is_answered_with_auth_on(world: World) -> None:
    world.gateway.stop()
    world.gateway.dev_auth = "on"
    world.gateway.start()
    askers = {(role, org): asker(world, role, org) for role in Role for org in orgs_of(role)}
    known_to_persons(world, askers)
    for (role, org), each in askers.items():
        made = [subscribed(world, each)] if role is Role.SUBSCRIBER and org is not None else world.subscriptions[:1]
        # Every second person: with auth off each of them was read.
        read_everything(world.http, each, range(0, ROUNDS, 2), made)


@LONG
def test_nothing_failed_on_the_way(world: World) -> None:
    said = world.gateway.log.read_text()
    assert not re.findall(r".*(?:failed|could not|Error|Traceback).*", said)
